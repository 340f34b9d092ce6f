// The little that moves, and nothing at all for people who asked for less of it. The rest of the motion is in page.css.

/** Must equal `--leave` and `--breath` in tokens.json; a test holds them together. */
export const LEAVE = 240;
export const BREATH = 2_400;

const still = () => matchMedia('(prefers-reduced-motion: reduce)').matches || document.hidden;

/**
 * Fades something out, then calls back. A timer, not the animation's end: that never comes in a hidden page.
 * @param {HTMLElement} what @param {() => void} then @returns {boolean} whether it moves at all
 */
export function leave(what, then) {
  if (still()) return false;
  const fading = what.animate([{ opacity: 1 }, { opacity: 0 }], { duration: LEAVE, easing: 'cubic-bezier(.4,0,1,1)', fill: 'forwards' });
  setTimeout(() => {
    then();
    fading.cancel();
  }, LEAVE);
  return true;
}

/** The small o breathes twice, then is still: motion may not last longer than five seconds (WCAG 2.2.2). @param {HTMLElement} mark */
export function breathe(mark) {
  const small = mark.querySelector('.small');
  if (!small || still()) return;
  for (const running of small.getAnimations()) running.cancel();
  small.animate([{ opacity: 1 }, { opacity: 0.35 }, { opacity: 1 }], { duration: BREATH, iterations: 2, easing: 'ease-in-out' });
}
