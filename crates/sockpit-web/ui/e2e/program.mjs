// The real program with a browser in front of it, for the tests, the pictures and the measurements.
//
// Debian's Chromium is driven; SOCKPIT_BINARY and SOCKPIT_CHROMIUM name others. SOCKPIT_PAGE names a
// folder with another build of the page, so that a change of it needs no build of the program.
import { spawn } from 'node:child_process';
import { accessSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';

const ROOT = join(import.meta.dirname, '../../../..');
const START_MS = 20_000;

// Everything that is started wants to be ended.
process.setMaxListeners(0);

/** The program to be tested. */
export const BINARY = process.env.SOCKPIT_BINARY ?? join(process.env.CARGO_TARGET_DIR ?? join(ROOT, 'target'), 'debug/sockpit');

/** A folder that is gone when the process ends. */
export function folder() {
  const path = mkdtempSync(join(tmpdir(), 'sockpit-page-'));
  process.on('exit', () => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Starts a program, and ends it with this process at the latest. */
export function start(file, args, options = {}) {
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'], ...options });
  process.on('exit', () => child.kill('SIGKILL'));
  child.output = '';
  child.stdout.on('data', (bytes) => (child.output += bytes));
  child.errors = '';
  child.stderr.on('data', (bytes) => (child.errors += bytes));
  return child;
}

/** Ends a program that `start` gave. */
export async function end(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await ended;
}

const OTHER_PAGE = process.env.SOCKPIT_PAGE;
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.txt': 'text/plain' };

/** Serves the other build, under the headers that the program gives its own. */
async function serveOther(page, bench) {
  const { headers } = await page.request.fetch(`${bench.origin}/`);
  await page.route(`${bench.origin}/**`, (route) => {
    const { pathname } = new URL(route.request().url());
    const file = join(OTHER_PAGE, pathname === '/' ? 'index.html' : pathname);
    if (pathname.startsWith('/api/') || !existsSync(file)) return route.continue();
    return route.fulfill({
      headers: { ...headers, 'content-type': TYPES[extname(file)] ?? 'application/octet-stream' },
      body: readFileSync(file),
    });
  });
}

/** Starts the workbench, in a folder of its own unless `--project` names one; `url` is the address that it prints. */
export async function workbench(args = [], env = {}) {
  accessSync(BINARY);
  const given = args.indexOf('--project');
  const project = given < 0 ? folder() : args[given + 1];
  const began = performance.now();
  const child = start(BINARY, ['workbench', '--port', '0', '--no-open', ...(given < 0 ? ['--project', project] : []), ...args], {
    env: { ...process.env, SOCKPIT_LANG: 'en', LC_ALL: 'C.UTF-8', ...env },
  });
  const url = await new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no address within ${START_MS} ms: ${child.errors}`)), START_MS);
    createInterface(child.stdout).on('line', (line) => {
      const found = /http:\/\/\S+#token=\S+/.exec(line);
      if (!found) return;
      clearTimeout(timer);
      resolve(found[0]);
    });
    child.once('exit', (code) => reject(new Error(`it ended with ${code}: ${child.errors}`)));
  });
  return { child, url, project, origin: new URL(url).origin, startMs: performance.now() - began };
}

/** Starts a browser without a window. */
export function browser(...more) {
  return chromium.launch({
    executablePath: process.env.SOCKPIT_CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      ...more,
    ],
  });
}

/**
 * Opens the page of a workbench. Whatever it asks of another host, and whatever it complains of on
 * its console, is collected in `page.wrongs`; a test that ends with any has failed. `script` runs in the
 * page before its own.
 */
export async function open(chrome, bench, { lang = 'en', theme = 'light', width = 1280, height = 720, script } = {}) {
  const context = await chrome.newContext({
    locale: lang === 'zh' ? 'zh-CN' : 'en-GB',
    colorScheme: theme,
    viewport: { width, height },
    // Chromium cannot tell where another build of the page comes from, and asks before it may speak to us.
    permissions: ['clipboard-read', 'clipboard-write', ...(OTHER_PAGE ? ['local-network-access'] : [])],
  });
  const page = await context.newPage();
  page.wrongs = [];
  page.on('request', (request) => {
    const { origin, protocol } = new URL(request.url());
    const isOurs = origin === bench.origin || origin === bench.origin.replace('http', 'ws');
    if (!isOurs && protocol !== 'blob:' && protocol !== 'data:') page.wrongs.push(`asked for ${request.url()}`);
  });
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') page.wrongs.push(message.text());
  });
  page.on('pageerror', (error) => page.wrongs.push(String(error)));
  page.on('dialog', (dialog) => {
    page.wrongs.push(`a dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  if (OTHER_PAGE) await serveOther(page, bench);
  if (script) await page.addInitScript(script);
  await page.goto(bench.url);
  await page.getByRole('navigation').first().waitFor();
  return page;
}
