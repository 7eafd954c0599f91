// Tello: a drone is simulated on one card and flown from another.
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { test } from 'node:test';
import { go, lookAt, picture, stage, until } from './look.mjs';

/** A page at the drones. */
async function field(t, lang) {
  const { page, w } = await stage(t, { lang });
  await go(page, 'drones');
  const card = (kind) => page.getByRole('article', { name: new RegExp(`^${w(`drones.${kind}`)} `) });
  return { page, w, real: card('real'), simulated: card('simulated') };
}

/** A port of UDP that nobody has just now. */
async function freePort() {
  const socket = createSocket('udp4');
  await new Promise((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const { port } = socket.address();
  await new Promise((resolve) => socket.close(resolve));
  return port;
}

/** Simulates a drone by the form, and flies it by the button of its card. */
async function flown({ page, w, real, simulated }) {
  const form = page.getByRole('form', { name: w('drones.simulate') });
  await form.getByLabel(w('drones.bind')).fill('127.0.0.1:0');
  await form.getByText(w('drones.more')).click();
  await form.getByLabel(w('drones.state-port')).fill(String(await freePort()));
  await form.getByRole('button', { name: w('drones.begin') }).click();
  await simulated.waitFor();
  await simulated.getByRole('button', { name: w('drones.fly-it') }).click();
  await real.locator('dt').getByText(w('drones.battery')).waitFor();
}

const height = async (card, w) => Number(/(-?\d+) cm/.exec(await card.locator('dl div').filter({ hasText: w('drones.height') }).innerText())[1]);

async function tell({ real, w }, command) {
  const box = real.getByRole('combobox', { name: w('drones.command') });
  await box.fill(command);
  await box.press('Enter');
}

for (const lang of ['en', 'zh']) {
  test(`a simulated drone takes off, flies ahead and lands (${lang})`, async (t) => {
    const scene = await field(t, lang);
    const { page, w, real, simulated } = scene;
    await flown(scene);
    const log = real.getByRole('log', { name: w('drones.log') });
    await real.getByRole('button', { name: w('drones.takeoff') }).click();
    await real.locator('.good').waitFor();
    await until(async () => (await height(real, w)) > 50, 'the height in the state that the drone tells');
    await until(async () => (await height(simulated, w)) > 50, 'the height of the simulated one');
    await log.locator('.in').filter({ hasText: 'ok' }).first().waitFor();

    // Words are completed and explained; what no drone understands is refused before it is sent.
    const box = real.getByRole('combobox', { name: w('drones.command') });
    await box.pressSequentially('forw');
    await real.getByRole('option').filter({ hasText: 'forward' }).waitFor();
    await box.press('Tab');
    assert.equal(await box.inputValue(), 'forward ');
    await box.pressSequentially('7');
    await real.locator('.said.bad').waitFor();
    await box.fill('forward 100');
    await box.press('Enter');
    await log.getByText('forward 100').waitFor();
    const path = real.getByRole('img');
    const ahead = new RegExp(w('drones.path', { x: '(9\\d|1[01]\\d)', y: '-?\\d', z: '\\d+' }).replace(/[.(（]/g, (at) => (at === '(' ? at : `\\${at}`)));
    await until(async () => ahead.test(await path.getAttribute('aria-label')), 'the way ahead');
    assert.ok((await path.locator('polyline').getAttribute('points')).split(' ').length > 1);
    await tell(scene, 'cw 90');
    await until(async () => /(8[5-9]|9[0-5])°/.test(await simulated.locator('dl').innerText()), 'the turn');
    if (lang === 'en') await lookAt(page, 'drones');

    // Sticks count while the field has the focus, and only then.
    await real.getByLabel(w('drones.arm')).check();
    const sticks = real.getByRole('application', { name: w('drones.sticks') });
    await sticks.press('w', { delay: 600 });
    if (lang === 'en') await picture(page, 'drones-sticks');
    await sticks.press('Escape');
    await sticks.waitFor({ state: 'hidden' });

    await real.getByRole('button', { name: `▼ ${w('drones.land')}` }).click();
    await until(async () => (await height(simulated, w)) === 0, 'the landing');
    await real.locator('.good').waitFor({ state: 'hidden' });
    assert.deepEqual(page.wrongs, []);
  });
}

test('a command that is refused is told with its reason, and is not sent', async (t) => {
  const scene = await field(t, 'en');
  const { page, w, real, simulated } = scene;
  await flown(scene);
  await tell(scene, 'forward 9000');
  await real.locator('.said.bad').filter({ hasText: /500/ }).waitFor();
  const box = real.getByRole('combobox', { name: w('drones.command') });
  assert.equal(await box.inputValue(), 'forward 9000');
  assert.ok(!(await simulated.getByRole('log').innerText()).includes('9000'));
  // A drone on the ground refuses by itself.
  await tell(scene, 'forward 50');
  await real.getByRole('log').locator('.refused, .wrong').first().waitFor();
  t.diagnostic(await real.innerText());
  assert.deepEqual(page.wrongs, []);
});

test('an emergency stops the motors at once', async (t) => {
  const scene = await field(t, 'en');
  const { page, w, real, simulated } = scene;
  await flown(scene);
  await real.getByRole('button', { name: w('drones.takeoff') }).click();
  await until(async () => (await height(simulated, w)) > 50, 'the height');
  await real.getByRole('button', { name: w('drones.emergency') }).click();
  await until(async () => (await height(simulated, w)) === 0, 'the fall');
  await real.locator('.good').waitFor({ state: 'hidden' });
  t.diagnostic(await real.getByRole('log').innerText());
  assert.deepEqual(page.wrongs, []);
});

test('a drone that falls silent is told of, and is let go without a landing that nobody saw', async (t) => {
  const scene = await field(t, 'zh');
  const { page, w, real, simulated } = scene;
  await flown(scene);
  await real.getByRole('button', { name: w('drones.takeoff') }).click();
  await real.getByRole('log').locator('.in').filter({ hasText: 'ok' }).waitFor();
  await simulated.getByRole('button', { name: w('drones.end'), exact: true }).click();
  await simulated.waitFor({ state: 'hidden' });
  await real.getByText(w('drones.no-state')).waitFor();
  await tell(scene, 'forward 50');
  await real.locator('.waiting').filter({ hasText: 'forward 50' }).waitFor();
  await lookAt(page, 'drones-silent');
  await real.getByRole('button', { name: w('drones.let-go') }).click();
  await page.getByText(w('drones.unsure')).waitFor({ timeout: 60_000 });
  await real.waitFor({ state: 'hidden' });
  assert.deepEqual(page.wrongs, []);
});
