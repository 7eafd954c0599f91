import assert from 'node:assert/strict';
import { test } from 'node:test';
import { source } from './source.mjs';

const { asciiOfHex, hexOfAscii, keepsAscii } = await source('composer/ascii.ts');
const { readChecksum, writeChecksum } = await source('composer/checksum.ts');
const { base64Of, isTooFast, runningItem } = await source('composer/lists.ts');
const { found, leavesText, withSent } = await source('composer/past.ts');
const { segmentsOf } = await source('composer/segments.ts');
const { shapingOf, withShaping } = await source('composer/shaping.ts');

test('plain text and its hex follow each other', () => {
  assert.equal(hexOfAscii('AB\n', false), '41 42 0A');
  assert.equal(asciiOfHex('41 42 0A', false), 'AB\n');
  assert.equal(asciiOfHex('4142', true), 'AB');
  assert.equal(hexOfAscii('', true), '');
});

test('what a charset or an escape decides is left to the program', () => {
  assert.equal(hexOfAscii('温', false), null);
  assert.equal(hexOfAscii('\\r', true), null);
  assert.equal(hexOfAscii('\\r', false), '5C 72');
  assert.equal(asciiOfHex('5c', true), null);
  assert.equal(asciiOfHex('0a', true), null);
  assert.equal(asciiOfHex('4', false), null);
  assert.equal(asciiOfHex('4 1', false), null);
  assert.equal(asciiOfHex('ff', false), null);
  assert.equal(asciiOfHex('41 zz', false), null);
});

test('charsets of two bytes a character are none that keep ascii', () => {
  assert.ok(keepsAscii('gbk') && keepsAscii('utf-8'));
  assert.ok(!keepsAscii('UTF-16LE') && !keepsAscii('utf16'));
});

test('a long hex text is read in no time', () => {
  const begin = performance.now();
  asciiOfHex(`${'41 '.repeat(200_000)}4`, false);
  asciiOfHex(`${'4'.repeat(600_001)}x`, false);
  assert.ok(performance.now() - begin < 1000);
});

test('a checksum reads back as it is written', () => {
  for (const spec of ['', 'CRC-16/MODBUS', 'sum8:be', 'xor,from=1,to=-2,at=3', 'lrc:le,at=-1'])
    assert.equal(writeChecksum(readChecksum(spec)), spec);
});

test('the wire is cut at its marks, and what none covers is payload', () => {
  const marks = [
    { what: 'frame', from: 0, to: 2 },
    { what: 'payload', from: 2, to: 4 },
    { what: 'checksum', from: 4, to: 5 },
  ];
  const cut = segmentsOf('0003414299ff', marks).map(({ what, hex }) => [what, hex]);
  assert.deepEqual(cut, [['frame', '00 03'], ['payload', '41 42'], ['checksum', '99'], ['payload', 'FF']]);
  assert.deepEqual(segmentsOf('', marks), []);
});

test('of a long run only the beginning is shown, and how much more there is', () => {
  const [run] = segmentsOf('41'.repeat(1000), []);
  assert.equal(run.len, 1000);
  assert.equal(run.more, 1000 - run.hex.split(' ').length);
});

test('what was sent is kept once, the latest first, a hundred at most', () => {
  const sent = (content) => ({ side: 'text', content, escapes: true });
  let past = [];
  for (let i = 0; i < 150; i++) past = withSent(past, sent(`m${i}`));
  assert.equal(past.length, 100);
  past = withSent(past, sent('m100'));
  assert.equal(past[0].content, 'm100');
  assert.equal(past.filter(({ content }) => content === 'm100').length, 1);
  assert.equal(withSent([], sent('')).length, 0);
  assert.deepEqual(found(past, 'M14 9').map(({ content }) => content), ['m149']);
});

test('up leaves the first line, and down the last', () => {
  assert.ok(leavesText('ab\ncd', 2, 'ArrowUp') && !leavesText('ab\ncd', 3, 'ArrowUp'));
  assert.ok(leavesText('ab\ncd', 3, 'ArrowDown') && !leavesText('ab\ncd', 2, 'ArrowDown'));
});

test('shaping reads back from the options, and leaves the others alone', () => {
  const options = { frame: 'lines', 'split-every': '1' };
  const shaping = { ...shapingOf(options), how: 'at', at: '3,-1', gathers: true, gather: '64' };
  const changed = withShaping(options, shaping);
  assert.deepEqual(changed, { frame: 'lines', 'split-at': '3,-1', 'split-delay': '20ms', coalesce: '64' });
  assert.deepEqual(shapingOf(changed), { ...shaping, every: '1' });
  assert.deepEqual(withShaping(changed, { ...shaping, how: 'whole', gathers: false }), { frame: 'lines' });
});

test('a list shows which item runs, and whether it would never pause', () => {
  assert.deepEqual([0, 1, 2, 5].map((sent) => runningItem(sent, 2)), [0, 1, 0, 1]);
  assert.equal(runningItem(3, 0), null);
  const list = (rounds, delay_ns) => ({ name: '', start: false, rounds, items: [{ name: '', payload: '', is_hex: false, delay_ns }] });
  assert.ok(isTooFast(list(null, 0)) && isTooFast(list(2, 999_999)));
  assert.ok(!isTooFast(list(1, 0)) && !isTooFast(list(null, 1e6)));
});

test('base64 holds any bytes', () => {
  const bytes = Uint8Array.from({ length: 100_000 }, (_, i) => i & 255);
  assert.deepEqual(new Uint8Array(Buffer.from(base64Of(bytes), 'base64')), bytes);
});
