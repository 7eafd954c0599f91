import assert from 'node:assert/strict';
import { test } from 'node:test';
import { source } from './source.mjs';

const { escaped, unescaped } = await source('rules/escapes.ts');
const { lineColumn, rowAt, rowOfPath } = await source('rules/place.ts');
const { NEW_RULE, NEW_SEND, freeName, inserted, moved, removed, withAct, withAnswer } = await source('rules/structure.ts');
const { meant, written } = await source('rules/time.ts');

test('any text reads back from how it is shown', () => {
  for (const text of ['', 'a\r\n', 'C:\\new', '\x00\x1b\x7f\t', '温度\u{1f600}', '${1}']) assert.equal(unescaped(escaped(text)), text);
  assert.equal(escaped('a\r\n'), 'a\\r\\n');
});

test('an escape that is none is no text', () => {
  for (const typed of ['\\', '\\q', '\\x9', '\\xff', '\\u{d800}', '\\u{110000}']) assert.equal(unescaped(typed), null, typed);
  assert.equal(unescaped('\\x41\\u{6e29}\\e'), 'A温\x1b');
});

test('a time is milliseconds unless it says otherwise', () => {
  assert.deepEqual(['', '200', '1.5s', '2 m', '1h', '10us', '5ns'].map(meant), [0, 2e8, 1.5e9, 120e9, 3600e9, 1e4, 5]);
  for (const wrong of ['x', '-1', '1d', '1e99', '9'.repeat(30)]) assert.equal(meant(wrong), null, wrong);
});

test('a time reads back as it is written', () => {
  for (const ns of [1, 1e3, 5e5, 1e6, 2.5e8, 1e9, 1.5e9, 90e9, 120e9, 3600e9]) assert.equal(meant(written(ns)), ns);
  assert.equal(written(0), '');
});

test('a place in the text is a row, and a path is one too', () => {
  const toml = '[[rule]]\nany = true\n\n [[ rule ]]\nx = 1\n[[script]]\nsend = "[[list]]"\n';
  assert.equal(rowAt('# nothing', 3), null);
  assert.deepEqual(rowAt(toml, 0), { part: 'rules', index: 0, field: '' });
  assert.deepEqual(rowAt(toml, toml.indexOf('x =')), { part: 'rules', index: 1, field: '' });
  assert.deepEqual(rowAt(toml, toml.indexOf('"[[list')), { part: 'script', index: 0, field: '' });
  assert.deepEqual(rowOfPath('lists.2.items.0.payload'), { part: 'lists', index: 2, field: 'items.0.payload' });
  assert.deepEqual(rowOfPath('rules.0'), { part: 'rules', index: 0, field: '' });
  assert.equal(rowOfPath('toml'), null);
});

test('columns count characters', () => {
  assert.deepEqual(lineColumn('a\n温\u{1f600}x', 5), { line: 2, column: 3 });
  assert.deepEqual(lineColumn('', 0), { line: 1, column: 1 });
});

test('what answers nothing repeats nothing', () => {
  const repeating = { ...NEW_RULE, every_ns: 1e9, count: 3 };
  assert.deepEqual(withAnswer(repeating, 'echo').every_ns, 1e9);
  assert.equal(withAnswer(repeating, 'discard').every_ns, null);
  assert.ok(withAnswer(repeating, '').closes);
});

test('a step that becomes another keeps its words', () => {
  const expecting = withAct({ ...NEW_SEND, payload: 'HELLO' }, 'expect');
  assert.deepEqual([expecting.pattern, expecting.payload], ['HELLO', '']);
  assert.equal(withAct(expecting, 'send').payload, 'HELLO');
});

test('rows are moved, put in and taken away without changing what was there', () => {
  const rows = Object.freeze(['a', 'b', 'c']);
  assert.deepEqual(moved(rows, 0, 2), ['b', 'c', 'a']);
  assert.deepEqual(moved(rows, 2, 0), ['c', 'a', 'b']);
  assert.deepEqual(moved(rows, 1, 9), ['a', 'c', 'b']);
  assert.deepEqual(moved(rows, 9, 0), ['a', 'b', 'c']);
  assert.deepEqual(inserted(rows, 0, 'x'), ['a', 'x', 'b', 'c']);
  assert.deepEqual(removed(rows, 1), ['a', 'c']);
  assert.equal(freeName('poll', ['poll', 'poll 2']), 'poll 3');
});
