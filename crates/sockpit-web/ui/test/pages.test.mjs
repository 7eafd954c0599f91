import assert from 'node:assert/strict';
import { test } from 'node:test';
import { source } from './source.mjs';

const { offered, used } = await source('drones/command.ts');
const { plot, sticks } = await source('drones/plot.ts');
const { broadcastOf } = await source('nets/net.ts');
const { filtered } = await source('ports/port.ts');

const port = (port, program, pid) => ({ transport: 'tcp', local: `127.0.0.1:${port}`, port, state: 'listening', pid, program, command: null, user: 'root' });
const PORTS = [port(7000, 'python3', 41), port(8080, 'nginx', 7001), port(70, null, null)];

test('a number finds ports and pids that begin so', () => {
  assert.deepEqual(filtered(PORTS, '70').map((one) => one.port), [7000, 8080, 70]);
  assert.deepEqual(filtered(PORTS, '7000').map((one) => one.port), [7000]);
});

test('every word has to be there', () => {
  assert.deepEqual(filtered(PORTS, 'NGINX root').map((one) => one.port), [8080]);
  assert.deepEqual(filtered(PORTS, 'nginx python'), []);
  assert.equal(filtered(PORTS, '  ').length, 3);
});

test('the broadcast address is the last of an IPv4 net', () => {
  assert.equal(broadcastOf({ address: '127.0.0.1', prefix: 8 }), '127.255.255.255');
  assert.equal(broadcastOf({ address: '192.168.1.77', prefix: 26 }), '192.168.1.127');
  assert.equal(broadcastOf({ address: '255.1.2.3', prefix: 16 }), '255.1.255.255');
  for (const none of [{ address: '10.0.0.1', prefix: 32 }, { address: '10.0.0.1', prefix: 31 }, { address: 'fe80::1', prefix: 64 }]) assert.equal(broadcastOf(none), null);
});

const WORDS = [
  { word: 'forward', usage: 'forward CM', help: '' },
  { word: 'flip', usage: 'flip WAY', help: '' },
  { word: 'go', usage: 'go X Y Z SPEED', help: '' },
  { word: 'go', usage: 'go X Y Z SPEED PAD', help: '' },
  { word: 'EXT led', usage: 'EXT led R G B', help: '' },
  { word: 'EXT led br', usage: 'EXT led br T R G B', help: '' },
];

test('commands are offered by how they begin, until one is whole', () => {
  assert.deepEqual(offered(WORDS, 'f').map((one) => one.word), ['flip', 'forward']);
  assert.deepEqual(offered(WORDS, 'ext l').map((one) => one.word), ['EXT led', 'EXT led br']);
  for (const typed of ['', 'flip', 'forward 20', 'zz']) assert.deepEqual(offered(WORDS, typed), [], typed);
});

test('a command that is typed is explained in all its forms', () => {
  assert.equal(used(WORDS, 'go 10').length, 2);
  assert.deepEqual(used(WORDS, 'EXT led br 1').map((one) => one.usage), ['EXT led br T R G B']);
  assert.deepEqual(used(WORDS, 'gone'), []);
});

test('seen from above, ahead is up and left is left', () => {
  const { start, end } = plot([{ x: 0, y: 0, z: 0 }, { x: 100, y: 50, z: 10 }], 200);
  assert.ok(end.y < start.y);
  assert.ok(end.x < start.x);
});

test('a way of any length is in the picture, with few lines in its grid', () => {
  for (const reach of [0, 30, 500, 20_000]) {
    const { start, end, columns, rows } = plot([{ x: reach, y: -reach, z: 0 }], 200);
    for (const n of [start.x, start.y, end.x, end.y]) assert.ok(n >= 0 && n <= 200, `${reach}: ${n}`);
    assert.ok(columns.length <= 10 && rows.length <= 10 && columns.length >= 1);
  }
});

test('keys that pull against each other leave a stick in the middle', () => {
  assert.deepEqual(sticks(new Set(['w', 'arrowright']), 40), [0, 40, 0, 40]);
  assert.deepEqual(sticks(new Set(['w', 's', 'a']), 40), [-40, 0, 0, 0]);
  assert.deepEqual(sticks(new Set(), 40), [0, 0, 0, 0]);
});
