// Reads a habit out of one line of plain words: "stretch every weekday morning". Loaded with "You".

/** @typedef {import('../../contracts/generated/contracts.d.ts').Habit} Habit */
/** @typedef {NonNullable<Habit['days']>[number]} Weekday */
/** @typedef {Omit<Habit, 'id'>} Read */

/** @type {Weekday[]} */
export const WEEK = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'];
const WEEKDAYS = WEEK.slice(0, 5);
const WEEKEND = WEEK.slice(5);
/** What takes no longer than that is begun more easily. */
const MINUTES = 10;
/** A time on the clock is the beginning of an hour in which it fits. */
const AN_HOUR = 60;
const LONGEST_LABEL = 60;

const clock = (/** @type {number} */ minutes) => {
  const at = ((minutes % 1440) + 1440) % 1440;
  return `${String(Math.floor(at / 60)).padStart(2, '0')}:${String(at % 60).padStart(2, '0')}:00`;
};

/** Parts of the day, in hours. The longer words come first: "afternoon" holds "noon". @type {[RegExp, number, number][]} */
const PARTS = [
  [/\b(?:in the )?afternoons?\b|\b(?:am )?nachmittags?\b/i, 14, 18],
  [/\b(?:at )?(?:lunch(?: ?time)?|noon|midday)\b|\b(?:am )?mittags?\b/i, 12, 14],
  [/\b(?:in the )?mornings?\b|\b(?:am )?morgens?\b|\bvormittags?\b/i, 6, 10],
  [/\b(?:in the )?evenings?\b|\b(?:am )?abends?\b/i, 18, 22],
  [/\b(?:at |before )?(?:night|bed(?: ?time)?)\b|\bnachts?\b|\bvor dem schlafen\b/i, 21, 24],
];

/** @type {[RegExp, Weekday[]][]} */
const DAYS = [
  [/\b(?:on )?(?:every |each )?(?:weekdays?|working days?|workdays?)\b|\b(?:an )?(?:jede[nm] |allen )?(?:werktags?|werktagen|wochentags?)\b/i, WEEKDAYS],
  [/\b(?:on |at )?(?:every |each |the )?weekends?\b|\b(?:jedes |am )?wochenende\b/i, WEEKEND],
  ...WEEK.map((name, index) => /** @type {[RegExp, Weekday[]]} */ ([
    new RegExp(`\\b(?:and |und |on |am |every |each |jeden )*(?:${name}s?|${['montag', 'dienstag', 'mittwoch', 'donnerstag', 'freitag', 'samstag', 'sonntag'][index]}s?)\\b,?`, 'i'),
    [name],
  ])),
];
const EVERY_DAY = /\b(?:every ?day|each day|daily|jeden tag|täglich)(?!\p{L})/iu;
const LEFT_OVER = /\b(?:every|each|jede[nrms]?)\b/i;
const TAKES = /\b(?:for |about |für |etwa )?(\d{1,3}) ?(?:minutes?|mins?|minuten?)\b/i;
const SPAN = /\b(?:between |from |zwischen |von )?(\d{1,2})(?:[:.](\d\d))?(?: uhr)?(?: ?[-–] ?| to | and | until | bis | und )(\d{1,2})(?:[:.](\d\d))?(?: ?uhr)?(?!\p{L}|\d)/iu;
const TIME = /\b(?:at|um) (\d{1,2})(?:[:.](\d\d))?(?: ?(am|pm)| ?uhr)?(?!\p{L}|\d)/iu;

/**
 * A habit, without its id; `null` where nothing is left to call it by, or a time is none.
 * @param {string} line @returns {Read | null}
 */
export function readHabit(line) {
  let rest = ` ${line.trim()} `;
  /** Takes the words of a pattern out of the line. @param {RegExp} pattern */
  const take = (pattern) => {
    const found = pattern.exec(rest);
    if (found) rest = `${rest.slice(0, found.index)} ${rest.slice(found.index + found[0].length)}`;
    return found;
  };
  const minutes = Number(take(TAKES)?.[1] ?? MINUTES);
  /** @type {Set<Weekday>} */
  const days = new Set();
  for (const [pattern, meant] of DAYS) if (take(pattern)) meant.forEach((day) => days.add(day));
  take(EVERY_DAY);

  // The same time twice is the whole day.
  let [from, to] = [0, 0];
  const span = take(SPAN);
  const time = span ? null : take(TIME);
  const part = PARTS.find(([pattern]) => take(pattern));
  if (span) {
    [from, to] = [Number(span[1]) * 60 + Number(span[2] ?? 0), Number(span[3]) * 60 + Number(span[4] ?? 0)];
  } else if (time) {
    // "At 7 in the evening" is 19:00.
    const late = time[3]?.toLowerCase() === 'pm' || (!time[3] && part && part[1] >= 12);
    const hour = time[3] ? Number(time[1]) % 12 : Number(time[1]);
    from = (late && hour < 12 ? hour + 12 : hour) * 60 + Number(time[2] ?? 0);
    to = from + AN_HOUR;
  } else if (part) {
    [from, to] = [part[1] * 60, part[2] * 60];
  }
  take(LEFT_OVER);
  const label = rest.replace(/[\s,.]+/g, ' ').trim();
  if (!label || [...label].length > LONGEST_LABEL || minutes < 1 || minutes > 1440 || from > 1440 || to > 1440 + AN_HOUR) return null;
  return {
    label, from: clock(from), to: clock(to), minutes,
    ...(days.size && days.size < 7 ? { days: WEEK.filter((day) => days.has(day)) } : {}),
  };
}

/**
 * Quiet hours as people write them: "22:00–08:00", "22-8"; nothing at all is none.
 * @param {string} text @returns {{ from: string, to: string } | null | undefined} `undefined` for what is not understood
 */
export function readHours(text) {
  const said = text.trim();
  if (!said || said === '-' || said === '–') return null;
  const found = /^(\d{1,2})(?:[:.](\d\d))? ?[-–] ?(\d{1,2})(?:[:.](\d\d))?$/.exec(said);
  if (!found) return undefined;
  const [from, to] = [[found[1], found[2]], [found[3], found[4]]].map(([hour, minute]) => Number(hour) * 60 + Number(minute ?? 0));
  const isTime = (/** @type {number} */ at, /** @type {string | undefined} */ minute) => at <= 1440 && Number(minute ?? 0) < 60;
  if (!isTime(from, found[2]) || !isTime(to, found[4]) || clock(from) === clock(to)) return undefined;
  return { from: clock(from), to: clock(to) };
}
