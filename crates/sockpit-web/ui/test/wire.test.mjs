import assert from 'node:assert/strict';
import { test } from 'node:test';
import { source } from './source.mjs';

const { blocks, picture, ticks, within, zoomed } = await source('wire/bands.ts');
const { fit, lanes, widthOf } = await source('wire/drawing.ts');
const { Heights } = await source('wire/scroll.ts');
const { joined, summary, valued } = await source('wire/summary.ts');

const piece = (number, off, end) => ({ number, off, len: end - off, end, at: 0, n: null, s: 1, p: 1, labels: [] });

test('rows stand below each other, taller ones with their room', () => {
  const heights = new Heights(10, 50, 30, [2, 5]);
  assert.equal(heights.height, 560);
  assert.deepEqual([0, 2, 3, 6, 10].map((index) => heights.top(index)), [0, 100, 180, 360, 560]);
  assert.deepEqual([2, 3].map((index) => heights.of(index)), [80, 50]);
});

test('the row at a place is the one that is there', () => {
  const heights = new Heights(1000, 48, 38, [0, 7, 8, 500]);
  for (let index = 0; index < 1000; index += 13) {
    assert.equal(heights.at(heights.top(index)), index);
    assert.equal(heights.at(heights.top(index + 1) - 1), index);
  }
  assert.equal(heights.at(1e9), 999);
  assert.equal(new Heights(0, 48, 38, []).at(100), 0);
});

test('a window shows its rows and some around them, none of an empty list', () => {
  const heights = new Heights(100, 10, 0, []);
  assert.deepEqual(heights.shown(200, 50, 2), { from: 18, to: 28 });
  assert.deepEqual(heights.shown(0, 5000, 2), { from: 0, to: 100 });
  assert.deepEqual(new Heights(0, 10, 0, []).shown(0, 100), { from: 0, to: 0 });
});

test('scrolling to a row moves no further than it must', () => {
  const heights = new Heights(100, 10, 0, []);
  assert.equal(heights.scrollTo(5, 100, 50), 50);
  assert.equal(heights.scrollTo(12, 100, 50), 100);
  assert.equal(heights.scrollTo(20, 100, 50), 160);
});

test('pieces stand at their offsets, cut at the edges of the window', () => {
  const found = blocks([piece(1, 0, 100), piece(2, 100, 150), piece(3, 150, 400)], { from: 50, len: 200 }, 400);
  assert.deepEqual(found.map(({ x, width }) => [x, width]), [[0, 100], [100, 100], [200, 200]]);
});

test('pieces too narrow to be told apart are drawn as one block that says how many', () => {
  const tiny = Array.from({ length: 1000 }, (_none, at) => piece(at + 1, at, at + 1));
  const found = blocks(tiny, { from: 0, len: 1000 }, 100);
  assert.ok(found.length < 60);
  assert.equal(found.reduce((sum, block) => sum + block.count, 0), 1000);
  assert.ok(found.every((block) => block.x >= 0 && block.x <= 100));
});

test('a narrow piece that stands alone is still itself', () => {
  const [block] = blocks([piece(7, 500, 501)], { from: 0, len: 1000 }, 100);
  assert.equal(block.piece.number, 7);
  assert.equal(block.count, 1);
});

test('marks of the ruler are powers of two apart and not crowded', () => {
  assert.deepEqual(ticks({ from: 10, len: 100 }, 400), [32, 64, 96]);
  assert.ok(ticks({ from: 0, len: 65_536 }, 300).length <= 5);
});

test('the window stays in the stream however it is zoomed', () => {
  assert.deepEqual(within({ from: -5, len: 100 }, 1000), { from: 0, len: 100 });
  assert.deepEqual(within({ from: 990, len: 100 }, 1000), { from: 900, len: 100 });
  assert.deepEqual(within({ from: 50, len: 100 }, 30), { from: 0, len: 100 });
  assert.deepEqual(zoomed({ from: 0, len: 512 }, 0.5, 256, 1000), { from: 128, len: 256 });
  assert.equal(zoomed({ from: 0, len: 16 }, 0.5, 8, 1000).len, 16);
  assert.equal(zoomed({ from: 0, len: 65_536 }, 4, 8, 1e9).len, 65_536);
});

test('a text is cut where its wide characters no longer fit', () => {
  assert.equal(fit('abc', 30, 10), 'abc');
  assert.equal(fit('abcd', 30, 10), 'ab…');
  assert.equal(fit('你好吗', 50, 10), '你好…');
  assert.equal(widthOf('a你', 10), 30);
  assert.equal(fit('abc', 0, 10), '…');
});

test('on a phone the life lines take the room of what is told beside them', () => {
  const wide = lanes(1200, { left: false, right: true });
  assert.equal(wide.outside.left, 0);
  assert.ok(wide.outside.right > 100 && wide.right < 1200 - wide.outside.right);
  const narrow = lanes(360, { left: true, right: true });
  assert.equal(narrow.outside.right, 0);
  assert.ok(narrow.left < narrow.right && narrow.right < 360);
});

test('a summary leaves out what is not known', () => {
  assert.deepEqual(summary([null, 1, 3, null, 2]), { min: 1, avg: 2, max: 3, last: 2 });
  assert.equal(summary([]), null);
  assert.equal(summary([null, NaN]), null);
});

test('values are told in the unit that reads best', () => {
  assert.equal(valued(1536, 'B'), '1.50 KiB');
  assert.equal(valued(12, 'B/s'), '12 B/s');
  assert.equal(valued(0.045, 'ms'), '45 µs');
  assert.equal(valued(1500, 'ms'), '1.50 s');
  assert.equal(valued(12_345, 'msg/s'), '12.3 kmsg/s');
  assert.equal(valued(23.5, ''), '23.5');
  assert.equal(valued(1e6, ''), '1000000');
});

test('lines with times of their own share one axis', () => {
  const { t, lines } = joined([{ t: [1, 3], v: [10, 30] }, { t: [2, 3], v: [20, 33] }]);
  assert.deepEqual(t, [1, 2, 3]);
  assert.deepEqual(lines, [[10, undefined, 30], [undefined, 20, 33]]);
});

test('a byte that cannot be printed is a dot', () => {
  assert.equal([0, 0x1f, 0x20, 0x7e, 0x7f, 0xff].map(picture).join(''), '·· ~··');
});
