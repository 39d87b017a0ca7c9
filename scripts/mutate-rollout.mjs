#!/usr/bin/env node
/**
 * Mutation test of the rollout engine (`make mutants`): turns each comparison, drops each guard and
 * each statement of rollout/src, one at a time, and expects some test of rollout/src to fail.
 *
 * All mutants are compiled into one copy of the engine, each behind its number, and the tests are
 * loaded once: a mutant then costs one run of the tests in this process, milliseconds as a rule. A
 * child process runs them, because a mutant may loop for ever; the parent goes on with the next.
 * What cannot be caught because it is no other program is in `mutants-equivalent.json`, with the
 * reason. Exit code 1: a mutant survived, or an entry there matches none.
 */
import { fork } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import ts from 'typescript'

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..')
const SOURCES = join(ROOT, 'rollout/src')
const EQUIVALENT = join(ROOT, 'scripts/mutants-equivalent.json')
/** Types, doors and wording decide nothing, what analysis/ computes is tested by its false alarms; invariants and the model are what the engine is tested by. */
const LEFT_OUT = new Set(['index.ts', 'types.ts', 'events.ts', 'awaited.ts', 'words.ts', 'invariants.ts', 'model.ts', 'simulate.ts'])
/** Cheapest first: most mutants fail in the first file. */
const TESTS = [
  'engine.test.js',
  'commands.test.js',
  'policy.test.js',
  'simulate.test.js',
  'retained-versions.test.js',
  'burning.test.js',
  'steps.test.js',
  'draining.test.js',
  'draft.test.js',
  'judging.test.js',
  'engine.explore.test.js',
]
/** Share of the explorer's states that each mutant is run through; 0 leaves the explorer out: fast, and the tables alone have to catch it. */
const EXPLORE = process.env['WEAVER_EXPLORE'] ?? '0.02'
const STUCK_MS = 300_000

async function main() {
  const folder = mkdtempSync(join(tmpdir(), 'weaver-mutants-'))
  try {
    const mutants = compile(folder)
    const only = process.argv[2]
    const wanted = mutants.filter((m) => only === undefined || m.where.startsWith(only))
    const survivors = await runAll(folder, wanted)
    return judge(wanted, survivors, only === undefined)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function judge(mutants, survivors, isWhole) {
  const known = JSON.parse(readFileSync(EQUIVALENT, 'utf8'))
  const isKnown = (m) => known.some((k) => k.in === m.in && k.from === m.from && k.to === m.to)
  const missed = survivors.filter((m) => !isKnown(m))
  const stale = isWhole ? known.filter((k) => !survivors.some((m) => k.in === m.in && k.from === m.from && k.to === m.to)) : []
  for (const m of missed) console.log(`SURVIVED ${m.where}: ${m.from}  =>  ${m.to}`)
  for (const k of stale) console.log(`STALE    mutants-equivalent.json: ${k.in}: ${k.from}  =>  ${k.to}`)
  console.log(
    `${mutants.length} mutants: ${mutants.length - survivors.length} caught, ${survivors.length - missed.length} equivalent, ${missed.length} survived`,
  )
  return missed.length + stale.length === 0 ? 0 : 1
}

/** @returns every mutant; the copy of the sources in `folder` contains them all, switched off. */
function compile(folder) {
  const mutants = []
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
  const files = readdirSync(SOURCES, { recursive: true }).filter((f) => f.endsWith('.ts'))
  for (const file of files) {
    const isMutated = !LEFT_OUT.has(file) && !file.includes('.test.') && !/^(testing|analysis)\//.test(file)
    const { outputText } = ts.transpileModule(readFileSync(join(SOURCES, file), 'utf8'), {
      fileName: file,
      compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true },
      transformers: { before: isMutated ? [mutateFile(file, mutants)] : [] },
    })
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    writeFileSync(join(folder, file.replace(/ts$/, 'js')), outputText)
  }
  return mutants
}

function mutateFile(file, mutants) {
  return (context) => (source) => {
    const { factory } = context
    let inFunction = ''
    const text = (node) => source.text.slice(node.pos, node.end).trim().replace(/\s+/g, ' ')
    const flag = (number) =>
      factory.createStrictEquality(
        factory.createPropertyAccessExpression(factory.createIdentifier('globalThis'), 'weaverMutant'),
        factory.createNumericLiteral(number),
      )
    const add = (node, to) => {
      const line = source.getLineAndCharacterOfPosition(ts.skipTrivia(source.text, node.pos)).line + 1
      mutants.push({ number: mutants.length + 1, where: `${file}:${line}`, in: `${file} ${inFunction}`, from: text(node), to })
      return mutants.length
    }
    const visit = (node) => {
      if (ts.isFunctionDeclaration(node)) {
        inFunction = node.name?.text ?? ''
        const made = ts.visitEachChild(node, visit, context)
        inFunction = ''
        return made
      }
      if (inFunction === '') return ts.visitEachChild(node, visit, context)
      const alternatives = alternativesOf(node, factory, text)
      const numbers = alternatives.map(([, to]) => add(node, to))
      const child = ts.visitEachChild(node, visit, context)
      if (alternatives.length === 0) return child
      // A block of its own: an `else` after it belongs to the `if` before it.
      if (ts.isExpressionStatement(node))
        return factory.createBlock([factory.createIfStatement(factory.createLogicalNot(flag(numbers[0])), child)])
      if (ts.isIfStatement(node)) {
        const always = factory.createLogicalOr(flag(numbers[0]), factory.createParenthesizedExpression(child.expression))
        const condition = factory.createLogicalAnd(
          factory.createLogicalNot(flag(numbers[1])),
          factory.createParenthesizedExpression(always),
        )
        return factory.updateIfStatement(child, condition, child.thenStatement, child.elseStatement)
      }
      return alternatives.reduce(
        (otherwise, [made], i) =>
          factory.createParenthesizedExpression(
            factory.createConditionalExpression(flag(numbers[i]), undefined, made, undefined, otherwise),
          ),
        factory.createParenthesizedExpression(child),
      )
    }
    return ts.visitNode(source, visit)
  }
}

const TURNED = new Map([
  [ts.SyntaxKind.LessThanToken, ['<=', '>=']],
  [ts.SyntaxKind.LessThanEqualsToken, ['<', '>']],
  [ts.SyntaxKind.GreaterThanToken, ['>=', '<=']],
  [ts.SyntaxKind.GreaterThanEqualsToken, ['>', '<']],
  [ts.SyntaxKind.EqualsEqualsEqualsToken, ['!==']],
  [ts.SyntaxKind.ExclamationEqualsEqualsToken, ['===']],
  [ts.SyntaxKind.PlusToken, ['-']],
  [ts.SyntaxKind.MinusToken, ['+']],
])
const TOKENS = new Map([
  ['<', ts.SyntaxKind.LessThanToken],
  ['<=', ts.SyntaxKind.LessThanEqualsToken],
  ['>', ts.SyntaxKind.GreaterThanToken],
  ['>=', ts.SyntaxKind.GreaterThanEqualsToken],
  ['===', ts.SyntaxKind.EqualsEqualsEqualsToken],
  ['!==', ts.SyntaxKind.ExclamationEqualsEqualsToken],
  ['+', ts.SyntaxKind.PlusToken],
  ['-', ts.SyntaxKind.MinusToken],
])
const ONE_SIDE = new Set([ts.SyntaxKind.AmpersandAmpersandToken, ts.SyntaxKind.BarBarToken, ts.SyntaxKind.QuestionQuestionToken])
const SWAPPED = new Map([
  ['max', 'min'],
  ['min', 'max'],
  ['some', 'every'],
  ['every', 'some'],
])

/** Other programs for one node: the new node (for an `if`: nothing, it is always or never) and its text. */
function alternativesOf(node, factory, text) {
  if (ts.isExpressionStatement(node)) return [[undefined, 'nothing']]
  if (ts.isIfStatement(node))
    return [
      [undefined, 'always'],
      [undefined, 'never'],
    ]
  if (ts.isConditionalExpression(node)) return [node.whenTrue, node.whenFalse].map((n) => [n, text(n)])
  if (ts.isPrefixUnaryExpression(node) && node.operator === ts.SyntaxKind.ExclamationToken) return [[node.operand, text(node.operand)]]
  if (ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression) && SWAPPED.has(node.expression.name.text)) {
    const name = SWAPPED.get(node.expression.name.text)
    const callee = factory.createPropertyAccessExpression(node.expression.expression, name)
    return [[factory.createCallExpression(callee, undefined, node.arguments), `${name} instead`]]
  }
  if (!ts.isBinaryExpression(node)) return []
  const { left, right, operatorToken } = node
  if (ONE_SIDE.has(operatorToken.kind)) return [left, right].map((n) => [n, text(n)])
  return (TURNED.get(operatorToken.kind) ?? []).map((operator) => [
    factory.createParenthesizedExpression(factory.createBinaryExpression(left, TOKENS.get(operator), right)),
    `${text(left)} ${operator} ${text(right)}`,
  ])
}

/** Runs them all, in as many child processes as get stuck. @returns those that no test caught. */
async function runAll(folder, mutants) {
  const survivors = []
  let left = mutants
  while (left.length > 0) {
    const began = left
    let done = 0
    await new Promise((resolve, reject) => {
      const child = fork(fileURLToPath(import.meta.url), [folder, JSON.stringify(began.map((m) => m.number))])
      let timer
      const watch = () => {
        clearTimeout(timer)
        timer = setTimeout(() => {
          if (done > 0 || began.length < mutants.length) done += 1 // the one that is stuck is caught
          child.kill('SIGKILL')
        }, STUCK_MS)
      }
      watch()
      child.on('message', ({ by }) => {
        const mutant = began[done]
        done += 1
        watch()
        if (by === undefined) survivors.push(mutant)
        console.log(`${mutant.where}: ${mutant.from}  =>  ${mutant.to}  ${by === undefined ? '-- NOT CAUGHT' : `-- ${by}`}`)
      })
      child.on('error', reject)
      child.on('exit', (code) => {
        clearTimeout(timer)
        if (code !== 0 && done === 0) reject(new Error(`the tests do not run: exit code ${code}`))
        else resolve()
      })
    })
    left = began.slice(done)
  }
  return survivors
}

/** The child: loads the tests, then runs them once for each mutant until one fails. */
async function runMutants(folder, numbers) {
  process.env['WEAVER_EXPLORE'] = EXPLORE
  process.stderr.write = () => true // the explorer counts aloud
  const require = createRequire(createRequire(import.meta.url).resolve('jest'))
  const tests = await loadTests(folder, require('expect').expect)
  const failing = () => tests.find(({ run }) => !passes(run))
  globalThis.weaverMutant = 0
  const broken = failing()
  if (broken !== undefined) {
    console.error(`without a mutant fails: ${broken.title}`)
    process.exit(1)
  }
  for (const number of numbers) {
    globalThis.weaverMutant = number
    process.send({ by: failing()?.title })
    await new Promise((resolve) => setImmediate(resolve))
  }
  process.exit(0)
}

function passes(run) {
  try {
    run()
    return true
  } catch {
    return false
  }
}

/** As much of jest as these tests use: they are synchronous and independent. */
async function loadTests(folder, expect) {
  const tests = []
  const it = (title, run) => tests.push({ title, run })
  it.each = (rows) => (title, run) =>
    rows.forEach((row) => {
      const values = Array.isArray(row) ? row : [row]
      it(title.replace('%s', String(values[0])), () => run(...values))
    })
  Object.assign(globalThis, { expect, it, describe: (_title, body) => body() })
  for (const file of TESTS.filter((name) => EXPLORE !== '0' || name !== 'engine.explore.test.js'))
    await import(pathToFileURL(join(folder, file)).href)
  return tests
}

if (process.send === undefined) process.exitCode = await main()
else await runMutants(process.argv[2], JSON.parse(process.argv[3]))
