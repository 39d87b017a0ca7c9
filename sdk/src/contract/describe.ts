import { createHash } from 'node:crypto'
import { GRAPH_IMAGE_PATH, parseGraph, type ComponentGraph } from './graph.js'
import { WeaverError } from './errors.js'

const MARK = 'weaver-graph'

/**
 * A program for `node -e` that prints the graph at {@link GRAPH_IMAGE_PATH} as one line,
 * `weaver-graph <bytes> <sha256> <base64>`. The describe pod runs it in the application's image,
 * without any of the application's code.
 */
export const DESCRIBE_PROGRAM: string = [
  `const b=require('fs').readFileSync('${GRAPH_IMAGE_PATH}')`,
  `const h=require('crypto').createHash('sha256').update(b).digest('hex')`,
  `require('fs').writeSync(1,'${MARK} '+b.length+' '+h+' '+b.toString('base64')+'\\n')`,
].join(';')

/**
 * Finds and verifies the line printed by {@link DESCRIBE_PROGRAM}.
 * @throws WeaverError `WEAVER_GRAPH_INVALID`: no such line, a truncated one, or a wrong checksum.
 */
export function parseDescribeOutput(output: string): ComponentGraph {
  const line = output.split('\n').find((l) => l.startsWith(`${MARK} `))
  const [, length, sum, body] = line?.split(' ') ?? []
  if (length === undefined || sum === undefined || body === undefined)
    throw new WeaverError(
      'WEAVER_GRAPH_INVALID',
      'the describe pod printed no component graph; build the image with `weaver kube deploy` or put weaver.graph.json at /weaver/graph.json',
    )
  const bytes = Buffer.from(body, 'base64')
  if (bytes.length !== Number(length) || createHash('sha256').update(bytes).digest('hex') !== sum)
    throw new WeaverError(
      'WEAVER_GRAPH_INVALID',
      `the component graph arrived damaged: ${bytes.length} of ${length} bytes, or a wrong checksum`,
    )
  return parseGraph(bytes.toString('utf8'))
}
