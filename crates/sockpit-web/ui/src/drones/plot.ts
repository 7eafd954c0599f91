// A way seen from above: ahead is up, to the left is left.

import type { Place } from './drones.svelte';

export interface Plot {
  /** Centimetres of one square of the grid. */
  square: number;
  /** The lines of the grid, in pixels. */
  columns: number[];
  rows: number[];
  /** The way, as points of an SVG polyline. */
  way: string;
  start: { x: number; y: number };
  end: { x: number; y: number };
}

const SQUARES = [10, 20, 50, 100, 200, 500, 1000, 2000, 5000];

/** The way in a square of so many pixels, its start always in sight. */
export function plot(places: readonly Place[], size: number): Plot {
  const all = [{ x: 0, y: 0, z: 0 }, ...places];
  const [west, east] = ends(all.map((place) => -place.y));
  const [south, north] = ends(all.map((place) => place.x));
  const reach = Math.max(east - west, north - south, 100) * 1.2;
  const scale = size / reach;
  const middle = { x: (west + east) / 2, y: (south + north) / 2 };
  const at = (place: Place) => ({
    x: round(size / 2 + (-place.y - middle.x) * scale),
    y: round(size / 2 - (place.x - middle.y) * scale),
  });
  const square = SQUARES.find((one) => reach / one <= 8) ?? 10_000;
  const columns: number[] = [];
  for (let x = Math.ceil((middle.x - reach / 2) / square) * square; x <= middle.x + reach / 2; x += square) {
    columns.push(round(size / 2 + (x - middle.x) * scale));
  }
  const rows: number[] = [];
  for (let y = Math.ceil((middle.y - reach / 2) / square) * square; y <= middle.y + reach / 2; y += square) {
    rows.push(round(size / 2 - (y - middle.y) * scale));
  }
  const last = places.at(-1) ?? { x: 0, y: 0, z: 0 };
  return {
    square,
    columns,
    rows,
    way: places.map((place) => `${at(place).x},${at(place).y}`).join(' '),
    start: at({ x: 0, y: 0, z: 0 }),
    end: at(last),
  };
}

function ends(values: number[]): [number, number] {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return [low, high];
}

const round = (n: number) => Math.round(n * 10) / 10;

/** What the sticks say, from the keys that are held: right, ahead, up and clockwise, −100 to 100. */
export function sticks(held: ReadonlySet<string>, strength: number): [number, number, number, number] {
  const axis = (more: string, less: string) => ((held.has(more) ? 1 : 0) - (held.has(less) ? 1 : 0)) * strength;
  return [axis('d', 'a'), axis('w', 's'), axis('arrowup', 'arrowdown'), axis('arrowright', 'arrowleft')];
}

export const STICK_KEYS: readonly string[] = ['w', 'a', 's', 'd', 'arrowup', 'arrowdown', 'arrowleft', 'arrowright'];
