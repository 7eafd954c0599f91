// What tests of several areas do with a page: set a stage, ask the program, find words of the catalogue,
// and look whether a screen can be read by everybody.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after } from 'node:test';
import { parse } from 'smol-toml';
import { browser, end, open, workbench } from './program.mjs';

/** In ms: what waits longer has failed. */
export const LONGEST = 15_000;

const STRINGS = join(import.meta.dirname, '../../../sockpit-core/src/strings');
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const catalogue = (file) => parse(readFileSync(join(STRINGS, file), 'utf8'));
const WORDS = { en: catalogue('page.en.toml'), zh: catalogue('page.zh-CN.toml') };

let shared;
after(() => shared?.close());

/** The one browser of these tests. */
export const theBrowser = async () => (shared ??= await browser());

/** A page of a workbench, of its own unless one is given, both ended at the end of the test. */
export async function stage(t, looks = {}, bench = undefined) {
  const chrome = await theBrowser();
  const made = bench ?? (await workbench(looks.args, looks.env));
  let page;
  t.after(async () => {
    if (page) await picture(page, `end-${looks.lang ?? 'en'}`);
    await page?.context().close();
    await end(made.child);
  });
  page = await open(chrome, made, looks);
  page.setDefaultTimeout(LONGEST);
  return { bench: made, page, w: wordsOf(looks.lang ?? 'en') };
}

/** The sentences of a language by their keys, such as `wire.ladder`. */
export function wordsOf(lang) {
  return (key, places = {}) => {
    const [section, name] = key.split('.');
    const said = WORDS[lang][section][name];
    assert.equal(typeof said, 'string', key);
    return said.replace(/\{(\w+)\}/g, (_all, place) => String(places[place]));
  };
}

/** Calls the program over a link of its own, with the page's token: sets the stage of a test. */
export function ask(page, op, args = {}) {
  return overLink(page, { op, args });
}

/** The news of a topic as they are just now. */
export function told(page, topic) {
  return overLink(page, { topic });
}

function overLink(page, wanted) {
  return page.evaluate(
    ({ op, args, topic }) =>
      new Promise((resolve, reject) => {
        const socket = new WebSocket(`${location.origin.replace('http', 'ws')}/ws`);
        const done = (settle, is) => {
          socket.close();
          settle(is);
        };
        socket.onopen = () => socket.send(JSON.stringify({ hello: { token: sessionStorage.getItem('token'), lang: 'en' } }));
        socket.onerror = () => reject(new Error(`${op ?? topic}: no link`));
        socket.onmessage = ({ data }) => {
          const message = JSON.parse(data);
          if (message.welcome && op === 'welcome') done(resolve, message.welcome);
          else if (message.welcome && op) socket.send(JSON.stringify({ id: 1, op, with: args }));
          else if (message.news === topic && topic) done(resolve, message.is);
          else if (message.id === 1 && message.error) done(reject, new Error(`${op}: ${message.error.message}`));
          else if (message.id === 1) done(resolve, message.ok);
        };
      }),
    wanted,
  );
}

/** Makes a session and opens it; gives its key, its number, and where it listens. */
export async function opened(page, name, role, endpoint, options = {}) {
  const { key } = await ask(page, 'session.create', { name, role, endpoint, options });
  const { number, local } = await ask(page, 'session.open', { key });
  return { key, number, local: local[0], port: Number(/:(\d+)$/.exec(local[0] ?? '')?.[1]) };
}

/** Goes to a place of the page. */
export async function go(page, place) {
  await page.evaluate((place) => (location.hash = `#/${place}`), place);
}

/** Waits until `give` gives something true, and gives that; `what` was waited for, or says so when asked. */
export async function until(give, what = 'what never came') {
  const last = performance.now() + LONGEST;
  for (;;) {
    const found = await give();
    if (found) return found;
    if (performance.now() > last) throw new Error(`waited ${LONGEST} ms for ${typeof what === 'function' ? await what() : what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const LOOKS = [
  { theme: 'light', width: 1280, height: 720 },
  { theme: 'dark', width: 1280, height: 720 },
  { theme: 'dark', width: 390, height: 844 },
  { theme: 'light', width: 390, height: 844 },
];

/** Keeps a picture, if SOCKPIT_PICTURES names a folder for them. */
export async function picture(page, name) {
  if (!process.env.SOCKPIT_PICTURES) return;
  mkdirSync(process.env.SOCKPIT_PICTURES, { recursive: true });
  await page.screenshot({ path: join(process.env.SOCKPIT_PICTURES, `${name}.png`) });
}

/** Complaints of axe, each with the places it is about. */
export async function axe(page, about) {
  // The axe of a page that was there before is as good.
  await page.evaluate(`window.axe || (() => {${AXE}})()`);
  const found = await page.evaluate(async () => {
    const { violations } = await window.axe.run(document, { resultTypes: ['violations'] });
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.target} ${node.any[0]?.message ?? ''}`).join(' | ')}`);
  });
  return found.map((one) => `${about}: ${one}`);
}

/**
 * Looks at a screen in both themes, at a desk's and at a phone's size: axe finds nothing, and nothing
 * is wider than the window.
 */
export async function lookAt(page, name) {
  const before = page.viewportSize();
  for (const { theme, width, height } of LOOKS) {
    const look = `${name}-${width}-${theme}`;
    await page.emulateMedia({ colorScheme: theme });
    await page.setViewportSize({ width, height });
    // Two frames: what depends on the size is drawn anew.
    await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
    await picture(page, look);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(wide <= width, `${look}: the page is ${wide} px wide`);
    assert.deepEqual(await axe(page, look), []);
  }
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize(before);
}
