/**
 * The dashboard in a real browser, over an application that runs by `weaver multi` and is under
 * load, and over a rollout of `weaver gke-local`. With `WEAVER_SCREENSHOTS=FOLDER` each page is kept there as a picture, light and dark.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
/** Of Debian's package, which scripts/install-tools.sh installs. */
const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium'
/** Of anything that is waited for: a busy machine takes its time. */
const WAIT_MS = 180_000

let folder: string
let browser: Browser | undefined
const commands: { readonly child: ChildProcess; readonly exited: Promise<unknown>; text: string }[] = []
beforeAll(async () => {
  // Nothing to do where the build is up to date, and never a stale one.
  const { status } = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-b', 'cli', 'examples/httpserver'], {
    cwd: ROOT,
    stdio: 'inherit',
  })
  if (status !== 0) throw new Error('the command does not build')
  folder = mkdtempSync(join(tmpdir(), 'weaver-browser-'))
  browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] })
}, 900_000)
afterAll(async () => {
  await browser?.close()
  for (const { child, exited } of commands.reverse()) {
    child.kill('SIGTERM')
    await exited
  }
  // Of a test that failed half way.
  spawnSync(process.execPath, [join(ROOT, 'cli/bin/weaver.js'), 'gke-local', 'purge', '--yes'], { cwd: folder, env: env() })
  rmSync(folder, { recursive: true, force: true })
}, WAIT_MS)

function env(): Record<string, string> {
  return { XDG_STATE_HOME: folder, HOME: folder, PATH: process.env['PATH'] ?? '' }
}

/** @param said resolves with what is found in its output */
async function weaver(line: string, said: RegExp): Promise<{ readonly command: (typeof commands)[number]; readonly found: string }> {
  const child = spawn(process.execPath, [join(ROOT, 'cli/bin/weaver.js'), ...line.split(' ')], { cwd: folder, env: env() })
  const command = { child, exited: once(child, 'exit'), text: '' }
  commands.push(command)
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (command.text += text))
  for (const limit = Date.now() + WAIT_MS; ; await sleep(50)) {
    const found = said.exec(command.text)?.[1]
    if (found !== undefined) return { command, found }
    if (child.exitCode !== null || Date.now() > limit) throw new Error(`"${line}" said:\n${command.text}`)
  }
}

/** Requests one after the other, until aborted. */
async function load(origin: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    // What is inside of a process that the test kills fails.
    await fetch(`${origin}/signed?text=abc`).then(
      (response) => response.text(),
      () => undefined,
    )
    await sleep(50, undefined, { signal }).catch(() => undefined) // the loop's condition sees the signal
  }
}

/** Problems that the browser or axe find. */
async function openContext(
  scheme: 'light' | 'dark',
  origin: string,
): Promise<{ readonly context: BrowserContext; readonly problems: string[] }> {
  if (browser === undefined) throw new Error('there is no browser')
  const context = await browser.newContext({ colorScheme: scheme, viewport: { width: 1280, height: 900 } })
  context.setDefaultTimeout(WAIT_MS)
  const problems: string[] = []
  context.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) problems.push(`console: ${message.text()}`)
  })
  context.on('weberror', (error) => problems.push(`error: ${error.error().message}`))
  context.on('request', (request) => {
    if (new URL(request.url()).origin !== origin) problems.push(`foreign request: ${request.url()}`)
  })
  return { context, problems }
}

async function check(page: Page, name: string): Promise<readonly string[]> {
  if (process.env['WEAVER_SCREENSHOTS'] !== undefined)
    await page.screenshot({ path: join(process.env['WEAVER_SCREENSHOTS'], `${name}.png`), fullPage: true })
  await page.evaluate(`${AXE};0`)
  const result: { readonly violations: readonly { readonly id: string; readonly nodes: readonly { readonly html: string }[] }[] } =
    await page.evaluate('axe.run({ resultTypes: ["violations"] })')
  return result.violations.map(({ id, nodes }) => `${name}: ${id}: ${nodes.map(({ html }) => html).join(' | ')}`)
}

const NOISY_LINES = 50_000

/** What a process of the deployment may write that means no good, and much of it. */
function writeNoise(): void {
  const logs = join(folder, 'weaver/logs/multi')
  const [beside = ''] = readdirSync(logs)
  const line = (i: number): string =>
    JSON.stringify({
      ts: new Date(Date.UTC(2020, 0, 1) + i).toISOString(),
      level: 'warn',
      msg: `line ${i} "'><img src=x onerror=alert(1)></script><script>alert(2)</script>\u202e\n\u001b[31m`,
      component: '<b>Noisy</b>',
      replica: 'noisy-1',
      traceId: `trace-${Math.floor(i / 3)}`,
      '<i>': { stack: 'Error: <u>\n    at <script>' },
    })
  writeFileSync(
    join(logs, beside.replace(/_[^_]+_\d+\.jsonl$/, '_noisy-1_0001.jsonl')),
    Array.from({ length: NOISY_LINES }, (_, i) => `${line(i)}\n`).join(''),
  )
}

/** Through 50,000 lines by keyboard, into one, from there to its trace, and to a query that is wrong. */
async function checkLogs(page: Page, scheme: string): Promise<readonly string[]> {
  await page.getByRole('link', { name: 'Logs', exact: true }).press('Enter')
  const log = page.getByRole('listbox')
  await page.getByRole('link', { name: /^warn 50,0/ }).waitFor()
  await page.locator('.row').first().waitFor()
  const found = [...(await check(page, `logs-${scheme}`))]
  await log.press('Home')
  await page.locator('.row', { hasText: /line 0 "'><img/ }).waitFor()
  expect(await page.locator('.row').count()).toBeLessThan(100)
  await log.press('ArrowDown')
  await log.press('Enter')
  await page.getByRole('region', { name: 'Entry' }).waitFor()
  found.push(...(await check(page, `entry-${scheme}`)))
  await page.getByRole('link', { name: 'trace-0' }).press('Enter')
  await page.getByText('3 entries').waitFor()
  expect(new URL(page.url()).search).toBe('?query=trace_id+%3D%3D+%22trace-0%22&system=1')
  await page.getByLabel('Query').fill('level == "error" && trace = "x"')
  await page.keyboard.press('Enter')
  expect(await page.getByRole('alert').textContent()).toMatch(/\n\s+\^/)
  return [...found, ...(await check(page, `query-${scheme}`))]
}

it('every page follows the load, in light and dark, without a violation of axe, an error, or a request to elsewhere', async () => {
  writeFileSync(
    join(folder, 'weaver.toml'),
    `[serviceweaver]\nname = "httpserver"\nbinary = ${JSON.stringify(join(ROOT, 'examples/httpserver/dist/main.js'))}\n["weaver/Main"]\ngreeting = "Servus"\n[multi]\nreplicas = 1\n`,
  )
  const deployed = await weaver('multi deploy weaver.toml', /ready: (\d+) processes/)
  const [, listener = ''] = /listener lis: (\S+)/.exec(deployed.command.text) ?? []
  const { found: url } = await weaver('multi dashboard --no-open', /^(http:\S+)\n/)
  const { origin } = new URL(url)
  writeNoise()
  const over = new AbortController()
  const loading = load(listener, over.signal)
  for (const scheme of ['light', 'dark'] as const) {
    const { context, problems } = await openContext(scheme, origin)
    const page = await context.newPage()
    await page.goto(url)
    expect(page.url()).not.toContain('token')
    const found = [...(await check(page, `deployments-${scheme}`))]

    // By keyboard: into the deployment, and on to its other pages.
    await page.getByRole('link', { name: 'httpserver' }).focus()
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Components' }).waitFor()
    await page
      .getByText(/^[\d.]+ %$/)
      .first()
      .waitFor() // a second look, which knows the CPU
    found.push(...(await check(page, `overview-${scheme}`)))

    await page.getByRole('link', { name: 'Methods' }).press('Enter')
    const calls = page.locator('tbody tr').first().locator('td').nth(2)
    const before = await calls.textContent()
    for (const limit = Date.now() + WAIT_MS; (await calls.textContent()) === before && Date.now() < limit;) await sleep(50)
    expect(await calls.textContent()).not.toBe(before)
    found.push(...(await check(page, `methods-${scheme}`)))

    await page.getByRole('link', { name: 'Traffic' }).press('Enter')
    await page.locator('svg .edge text', { hasText: '/s' }).first().waitFor()
    found.push(...(await check(page, `traffic-${scheme}`)))
    found.push(...(await checkLogs(page, scheme)))
    expect([...found, ...problems]).toEqual([])
    await context.close()
  }

  // What happens is seen without a reload: a process that is killed, and the end of all.
  const { context, problems } = await openContext('light', origin)
  const page = await context.newPage()
  await page.goto(url)
  await page.getByRole('link', { name: 'httpserver' }).click()
  const row = page.locator('tr', { hasText: 'httpserver/Reverser' })
  process.kill(Number(await row.locator('td').nth(2).textContent()), 'SIGKILL')
  await row.getByText('was killed by SIGKILL').waitFor()
  over.abort()
  await loading
  deployed.command.child.kill('SIGTERM')
  await page.getByText('This deployment has ended').waitFor()
  expect(problems).toEqual([])
}, 900_000)

it('a rollout is followed, and acted on by keyboard, which asks once more', async () => {
  writeFileSync(
    join(folder, 'gke.toml'),
    `[serviceweaver]\nname = "shop"\nbinary = ${JSON.stringify(join(ROOT, 'examples/httpserver/dist/main.js'))}\nrollout = "60m"\n[gke]\nregions = ["us-west1"]\nreplicas = 1\nlisteners.lis = { public_hostname = "shop.com" }\n`,
  )
  const deploy = `gke-local deploy gke.toml --detach --port ${await freePort()}`
  await weaver(deploy, /"shop" (goes on)/)
  await weaver(deploy, /"shop" (goes on)/)
  const { found: url } = await weaver('gke-local dashboard --no-open', /^(http:\S+)\n/)
  const { origin } = new URL(url)
  for (const scheme of ['dark', 'light'] as const) {
    const { context, problems } = await openContext(scheme, origin)
    const page = await context.newPage()
    await page.goto(url)
    await page.getByRole('link', { name: 'Rollout of shop' }).first().press('Enter')
    const west = page.getByRole('region', { name: /^us-west1/ })
    await west.locator('.big', { hasText: '10 %' }).waitFor()
    const found = [...(await check(page, `rollout-${scheme}`))]
    if (scheme === 'light') {
      const act = async (name: string, why: string): Promise<void> => {
        await page.getByRole('link', { name, exact: true }).press('Enter')
        await page.getByRole('form', { name: `${name} shop?` }).waitFor()
        found.push(...(await check(page, `ask-${name.toLowerCase()}`)))
        await page.getByLabel('Why').fill(why)
        await page.keyboard.press('Enter')
      }
      await act('Pause', 'the cart is slow')
      await page.getByText('is being rolled out, and paused').waitFor()
      expect(await page.getByRole('list', { name: 'Asked for' }).textContent()).toContain('(the cart is slow): the rollout of')
      await act('Promote fully', '')
      await page.getByText('No rollout is under way').waitFor()
      await west.getByText('Ready').waitFor()
      found.push(...(await check(page, 'rollout-done')))
      await act('Resume', '')
      await page.getByText('refused: no rollout of "shop" is paused or halted').waitFor()
    }
    expect([...found, ...problems]).toEqual([])
    await context.close()
  }
  await weaver('gke-local kill shop --yes', /(ended): shop/)
}, 900_000)

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // it listens on a port
  server.close()
  return port
}
