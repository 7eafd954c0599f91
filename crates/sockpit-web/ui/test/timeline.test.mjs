// The pure parts of the timeline.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { source } from './source.mjs';

const load = (name) => source(`timeline/${name}.ts`);

const scroll = await load('scroll');
const { HeldRows } = await load('rows');
const { glyphs } = await load('glyphs');
const { linesOf } = await load('hexLine');
const { readings } = await load('numbers');
const { copied } = await load('copy');
const filter = await load('filter');
const row = await load('row');

const bytes = (hex) => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));

test('a short list scrolls pixel by pixel', () => {
  assert.equal(scroll.topOf(1234, 100_000, 500), 1234);
  assert.equal(scroll.barOf(1234, 100_000, 500), 1234);
  assert.equal(scroll.follow(0, 0, 700, 100_000, 500), 700);
});

test('both ends of a list too long for an element are reached', () => {
  const full = 10_000_000 * 22;
  const end = scroll.farthest(full, 600);
  assert.equal(scroll.barOf(end, full, 600), scroll.LONGEST - 600);
  assert.equal(scroll.topOf(scroll.LONGEST - 600, full, 600), end);
  assert.equal(scroll.follow(end - 5000, scroll.LONGEST - 700, scroll.LONGEST - 600, full, 600), end);
  assert.equal(scroll.follow(5000, 100, 0, full, 600), 0);
});

test('a small step in a scaled list goes as many pixels, a far one to the same part', () => {
  const full = 220_000_000;
  assert.equal(scroll.follow(1_000_000, 40_000, 40_100, full, 600), 1_000_100);
  assert.equal(Math.round(scroll.follow(0, 0, (scroll.LONGEST - 600) / 2, full, 600)), (full - 600) / 2);
});

test('revealing moves no more than it must', () => {
  assert.equal(scroll.reveal(100, 10, 22, 10_000, 300), 100);
  assert.equal(scroll.reveal(300, 10, 22, 10_000, 300), 220);
  assert.equal(scroll.reveal(0, 20, 22, 10_000, 300), 162);
});

test('rows are asked for once, and no more than are given at once', () => {
  const held = new HeldRows();
  held.take([5, 6, 7].map((i) => ({ i })), { from: 0, to: 10 });
  assert.deepEqual(held.missing({ from: 4, to: 8 }), { from: 4, to: 5 });
  assert.deepEqual(held.missing({ from: 5, to: 10 }), { from: 8, to: 10 });
  assert.equal(held.missing({ from: 5, to: 8 }), null);
  assert.deepEqual(held.missing({ from: 100, to: 2000 }), { from: 100, to: 600 });
});

test('only some thousand rows are kept, those nearest to what is seen', () => {
  const held = new HeldRows();
  for (let from = 0; from < 20_000; from += 500) {
    held.take(Array.from({ length: 500 }, (_, k) => ({ i: from + k })), { from, to: from + 500 });
  }
  assert.ok(held.size <= 3000, String(held.size));
  assert.ok(held.get(19_999));
  assert.equal(held.get(0), undefined);
});

test('a character has all of its bytes, in any charset', () => {
  assert.deepEqual(
    glyphs(bytes('61 e4bda0 e5a5bd'), 'utf-8', 10).map(({ from, to, text }) => [from, to, text]),
    [[10, 11, 'a'], [11, 14, '你'], [14, 17, '好']],
  );
  assert.deepEqual(
    glyphs(bytes('c4e3 62 bac3'), 'gbk').map(({ from, to, text }) => [from, to, text]),
    [[0, 2, '你'], [2, 3, 'b'], [3, 5, '好']],
  );
});

test('every byte belongs to one character, however broken the text is', () => {
  // GB18030 is left out: Node's own decoder throws at what a browser's replaces.
  for (const charset of ['utf-8', 'gbk', 'big5', 'shift_jis', 'utf-16le', 'iso-2022-jp', null]) {
    for (let seed = 1; seed < 60; seed++) {
      const some = Uint8Array.from({ length: 40 }, (_, k) => (seed * (k + 7) * 2654435761) >>> 24);
      let at = 0;
      for (const glyph of glyphs(some, charset)) {
        assert.ok(glyph.from === at || glyph.from <= glyph.to, `${charset} ${seed}`);
        at = glyph.to;
      }
      assert.equal(at, some.length, `${charset} ${seed}`);
    }
  }
});

test('nothing that a peer sends turns the line around', () => {
  const text = glyphs(new TextEncoder().encode('a\u202eb\u2066\u0000\u001b[2J'), 'utf-8').map((glyph) => glyph.text).join('');
  assert.doesNotMatch(text, /[\u0000-\u001f\u202a-\u202e\u2066-\u2069]/);
});

test('a wide character takes the cells of its bytes', () => {
  const [line] = linesOf(bytes('61 e4bda0 62'), 0, 0, 16, 'utf-8');
  assert.deepEqual(line.cells.map(({ text, width }) => [text, width]), [['a', 1], ['你', 3], ['', 1], ['', 1], ['b', 1]]);
});

test('a character across two lines is read with both, and shown where it begins', () => {
  const lines = linesOf(bytes('61616161616161 e4bda0'), 0, 0, 8, 'utf-8');
  assert.equal(lines[0].cells[7].text, '你');
  assert.deepEqual(lines[1].cells.map((cell) => cell.text), ['', '']);
});

test('bytes are read as numbers in both orders', () => {
  const found = Object.fromEntries(readings(bytes('00000001 40490fdb')).map(({ name, big, little }) => [name, [big, little]]));
  assert.deepEqual(found.u8, ['0', '']);
  assert.deepEqual(found.u16, ['0', '0']);
  assert.deepEqual(found.u32, ['1', '16777216']);
  assert.equal(readings(bytes('40490fdb')).find(({ name }) => name === 'f32').big, '3.14159274');
  assert.equal(readings(bytes('fffe')).find(({ name }) => name === 'i16').big, '-2');
  assert.equal(readings(bytes('69205d80')).find(({ name }) => name === 'time').big, '2025-11-21T12:39:28Z');
  assert.deepEqual(readings(bytes('')), []);
});

test('bytes are copied in every form', () => {
  const some = bytes('41 0d0a 5c ff');
  assert.equal(copied(some, 'hex', 'utf-8'), '41 0D 0A 5C FF');
  assert.equal(copied(some, 'escaped', 'utf-8'), 'A\\r\\n\\\\\\xFF');
  assert.equal(copied(some, 'base64', 'utf-8'), 'QQ0KXP8=');
  assert.equal(copied(bytes('c4e3'), 'text', 'gbk'), '你');
  assert.match(copied(some, 'array', null), /data\[5\] = \{\n {2}0x41, 0x0D, 0x0A, 0x5C, 0xFF,\n\};/);
});

test('a term is added without changing what the filter asks', () => {
  assert.equal(filter.and('', 'in'), 'in');
  assert.equal(filter.and('peer 2', 'in'), 'peer 2 and in');
  assert.equal(filter.and('peer 2 or fault', 'in'), '(peer 2 or fault) and in');
  assert.equal(filter.not('len = 5'), 'not len = 5');
});

test('a text becomes a term that finds just it', () => {
  const base = { i: 0, n: 0, at: 0, d: null, s: 1, p: 2, kind: 'frame', dir: 'in', len: 6, hex: '', more: false };
  const term = (text, more = false) => filter.terms({ ...base, text, more }, '10:00:00.000').find(({ aspect }) => aspect === 'text').term;
  assert.equal(term('say "hi"␍'), 'text = "say \\"hi\\"\\r"');
  assert.equal(term('abc', true), 'text starts "abc"');
});

test('words are completed where a word stands, and not within quotes', () => {
  const words = ['text ~ ', 'text = ', 'in'].map((word) => ({ word, about: '' }));
  assert.deepEqual(filter.complete('in and te', 9, words, 9), { from: 7, to: 9, words: words.slice(0, 2) });
  assert.deepEqual(filter.complete('"te', 3, words, 9).words, []);
});

test('the innermost field that holds the bytes is found', () => {
  const leaf = { name: 'b', value: '', from: 2, to: 4, children: [] };
  const tree = [{ name: 'all', value: '', from: 0, to: 8, children: [{ name: 'a', value: '', from: 0, to: 2, children: [] }, leaf] }];
  assert.equal(row.innermost(tree, 2, 3), leaf);
  assert.equal(row.innermost(tree, 1, 3).name, 'all');
  assert.equal(row.innermost(tree, 7, 9), null);
});

test('what was found is lit once, however often it was found', () => {
  assert.deepEqual(row.pieces('abcdef', [[1, 3], [2, 4], [9, 12]]), [
    { text: 'a', isHit: false },
    { text: 'bc', isHit: true },
    { text: 'd', isHit: true },
    { text: 'ef', isHit: false },
  ]);
});

test('control characters are spelled', () => {
  assert.deepEqual(row.spelled('a␍␊'), [{ text: 'a', isControl: false }, { text: '\\r\\n', isControl: true }]);
});
