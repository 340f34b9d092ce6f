// Learns the words of the pages that are loaded when somebody opens them; those pages import it.

import { LANGUAGE, learn } from './words.js';

const MORE = { en: () => import('../words/en.later.js'), de: () => import('../words/de.later.js') };

learn((await MORE[LANGUAGE]()).default);
