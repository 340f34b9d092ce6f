// Habits and quiet hours, as people write them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readHabit, readHours } from '../app/habit.js';

const WEEKDAYS = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday'];

test('a habit is read out of one line of plain words', () => {
  /** @type {[string, object][]} */
  const lines = [
    ['stretch every weekday morning', { label: 'stretch', from: '06:00:00', to: '10:00:00', minutes: 10, days: WEEKDAYS }],
    ['Walk every day at 12:30 for 20 minutes.', { label: 'Walk', from: '12:30:00', to: '13:30:00', minutes: 20 }],
    ['read in the evening', { label: 'read', from: '18:00:00', to: '22:00:00', minutes: 10 }],
    ['call mum on Sundays', { label: 'call mum', from: '00:00:00', to: '00:00:00', minutes: 10, days: ['sunday'] }],
    ['run on mondays and thursdays at 7', { label: 'run', from: '07:00:00', to: '08:00:00', minutes: 10, days: ['monday', 'thursday'] }],
    ['yoga at 7 in the evening', { label: 'yoga', from: '19:00:00', to: '20:00:00', minutes: 10 }],
    ['yoga at 7 pm', { label: 'yoga', from: '19:00:00', to: '20:00:00', minutes: 10 }],
    ['water the plants 9-11 at weekends', { label: 'water the plants', from: '09:00:00', to: '11:00:00', minutes: 10, days: ['saturday', 'sunday'] }],
    ['drink water every afternoon', { label: 'drink water', from: '14:00:00', to: '18:00:00', minutes: 10 }],
    ['tidy the desk before bed', { label: 'tidy the desk', from: '21:00:00', to: '00:00:00', minutes: 10 }],
    ['read between 21:30 and 0:30', { label: 'read', from: '21:30:00', to: '00:30:00', minutes: 10 }],
    ['jeden Werktag morgens dehnen', { label: 'dehnen', from: '06:00:00', to: '10:00:00', minutes: 10, days: WEEKDAYS }],
    ['jeden Tag um 12:30 Uhr spazieren für 20 Minuten', { label: 'spazieren', from: '12:30:00', to: '13:30:00', minutes: 20 }],
    ['am Wochenende nachmittags Klavier üben', { label: 'Klavier üben', from: '14:00:00', to: '18:00:00', minutes: 10, days: ['saturday', 'sunday'] }],
  ];
  for (const [line, read] of lines) assert.deepEqual(readHabit(line), read, line);
});

test('what names nothing to do, or no time of a clock, is not guessed at', () => {
  for (const line of ['', '   ', 'every morning', 'at 7', 'on mondays', 'x'.repeat(61), 'walk at 29:00', 'walk for 0 minutes']) assert.equal(readHabit(line), null, line);
});

test('quiet hours are read as people write them', () => {
  for (const text of ['22:00–08:00', '22-8', ' 22.00 - 08:00 ', '22:00-8']) assert.deepEqual(readHours(text), { from: '22:00:00', to: '08:00:00' }, text);
  for (const text of ['', '  ', '-', '–']) assert.equal(readHours(text), null);
  for (const text of ['late', '22', '25-8', '22:75-8', '8-8', '22:00-08:00-09:00']) assert.equal(readHours(text), undefined, text);
});
