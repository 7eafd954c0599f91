// The ports, the nets and the doctor: what this machine holds, is in, and can reach.
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { ask, go, lookAt, opened, stage, until } from './look.mjs';
import { start } from './program.mjs';

/** A stranger that holds a port; a stubborn one does not go when it is asked to. */
async function holder(t, isStubborn) {
  const code = [
    'import signal, socket, sys, time',
    ...(isStubborn ? ['signal.signal(signal.SIGTERM, signal.SIG_IGN)'] : []),
    's = socket.create_server(("127.0.0.1", 0))',
    'print(s.getsockname()[1], flush=True)',
    'time.sleep(600)',
  ].join('\n');
  const child = start('python3', ['-c', code]);
  const ended = () => until(() => child.signalCode, 'the end of the stranger');
  t.after(() => child.kill('SIGKILL'));
  const port = await until(() => /\d+/.exec(child.output)?.[0], 'the port of the stranger');
  return { port, pid: child.pid, ended };
}

const rowOf = (page, port) => page.getByRole('row').filter({ hasText: `:${port}` });

test('the ports page names who holds a port, and our own', async (t) => {
  for (const lang of ['en', 'zh']) {
    const { bench, page, w } = await stage(t, { lang });
    const echo = await opened(page, 'echo', 'server', 'tcp://127.0.0.1:0');
    const { port, pid } = await holder(t, false);
    await go(page, 'ports');
    await rowOf(page, port).filter({ hasText: String(pid) }).waitFor();
    const ours = rowOf(page, echo.port);
    await ours.filter({ hasText: String(bench.child.pid) }).filter({ hasText: w('ports.mine') }).waitFor();
    await ours.filter({ hasText: w('ports.listening') }).waitFor();
    // The workbench does not offer to end itself.
    assert.equal(await ours.getByRole('button').count(), 0);

    await page.getByRole('searchbox', { name: w('ports.filter') }).fill(port);
    await until(async () => (await page.getByRole('row').count()) === 2, 'the one port');
    await page.getByRole('searchbox', { name: w('ports.filter') }).fill('');
    if (lang === 'en') await lookAt(page, 'ports');

    // A link to a port shows that one.
    await go(page, 'nets');
    await page.getByLabel(w('nets.doctor')).first().waitFor();
    await go(page, `ports/${echo.port}`);
    await until(async () => (await page.getByRole('row').count()) === 2 && (await ours.count()) === 1, 'our port alone');

    await page.getByRole('button', { name: w('ports.find-free') }).click();
    const free = Number.parseInt(await page.getByRole('button', { name: /^\d+ ?,/ }).innerText());
    await new Promise((resolve, reject) => {
      const server = createServer().once('error', reject);
      server.listen(free, '127.0.0.1', () => server.close(resolve));
    });
    assert.deepEqual(page.wrongs, []);
  }
});

test('a port is made free after asking, and not before', async (t) => {
  const { page, w } = await stage(t);
  const { port, pid, ended } = await holder(t, false);
  await go(page, 'ports');
  await rowOf(page, port).getByRole('button').click();
  const dialog = page.getByRole('dialog', { name: w('ports.end-title') });
  await dialog.getByText(String(pid)).first().waitFor();
  await dialog.getByRole('button', { name: w('shell.cancel') }).click();
  await dialog.waitFor({ state: 'hidden' });
  assert.doesNotThrow(() => process.kill(pid, 0));

  await rowOf(page, port).getByRole('button').click();
  await dialog.getByRole('button', { name: new RegExp(`\\b${pid}\\b`) }).click();
  assert.equal(await ended(), 'SIGTERM');
  await dialog.waitFor({ state: 'hidden' });
  await rowOf(page, port).waitFor({ state: 'hidden' });
  assert.deepEqual(page.wrongs, []);
});

test('a program that does not go when asked is killed after being asked again', async (t) => {
  const { page, w } = await stage(t, { lang: 'zh' });
  const { port, pid, ended } = await holder(t, true);
  await go(page, 'ports');
  await rowOf(page, port).getByRole('button').click();
  const dialog = page.getByRole('dialog', { name: w('ports.end-title') });
  const button = dialog.getByRole('button', { name: new RegExp(`\\b${pid}\\b`) });
  await button.click();
  await dialog.getByText(w('ports.force-hint')).waitFor();
  await dialog.getByRole('alert').waitFor();
  assert.doesNotThrow(() => process.kill(pid, 0));
  await button.click();
  assert.equal(await ended(), 'SIGKILL');
  await rowOf(page, port).waitFor({ state: 'hidden' });
  assert.deepEqual(page.wrongs, []);
});

test('the nets page knows the loopback and copies its address', async (t) => {
  for (const lang of ['en', 'zh']) {
    const { page, w } = await stage(t, { lang });
    await go(page, 'nets');
    const card = page.getByRole('listitem').filter({ has: page.getByRole('heading', { name: /^lo\b/ }) });
    await card.getByText(w('nets.loopback')).waitFor();
    await card.getByText('127.0.0.1/8').click();
    await until(async () => (await page.evaluate(() => navigator.clipboard.readText())) === '127.0.0.1', 'the copy');
    assert.deepEqual(page.wrongs, []);
  }
});

test('the doctor finds what is there, what is refused, and what has no name', async (t) => {
  for (const lang of ['en', 'zh']) {
    const { page, w } = await stage(t, { lang });
    const echo = await opened(page, 'echo', 'server', 'tcp://127.0.0.1:0');
    const gone = await ask(page, 'ports.free', {});
    await go(page, 'nets');
    const examine = async (endpoint) => {
      await page.getByLabel(w('nets.doctor')).fill(endpoint);
      await page.getByRole('button', { name: w('nets.examine') }).click();
      await page.getByText(w('nets.findings-of', { endpoint })).waitFor();
      await page.getByRole('button', { name: w('nets.examine') }).waitFor();
      const found = await page.locator('.doctor .sum').innerText();
      t.diagnostic(found.replace(/\s+/g, ' '));
      return found;
    };
    assert.ok((await examine(echo.local)).includes(w('nets.good')));
    assert.ok((await examine(`tcp://127.0.0.1:${gone.port}`)).includes(w('nets.bad')));
    assert.ok((await examine('tcp://no-such-name.invalid:7000')).includes(w('nets.bad')));
    if (lang === 'en') await lookAt(page, 'nets');
    // What is no endpoint is said at the foot of the page.
    await page.getByLabel(w('nets.doctor')).fill('tcp://127.0.0.1:99999');
    await page.getByRole('button', { name: w('nets.examine') }).click();
    await page.getByText(/99999/).last().waitFor();
    assert.deepEqual(page.wrongs, []);
  }
});
