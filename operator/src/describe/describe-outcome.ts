import type { Reason } from '@weaver/crds'
import { isWeaverError, parseDescribeOutput, type ComponentGraph } from '@weaver/sdk/contract'
import { DESCRIBE_CONTAINER, DESCRIBE_DEADLINE_SECONDS } from '../desired/describe-pod.js'
import { pinImage, type PinnedImage } from './image-reference.js'
import { containerOf, unschedulable, type Pod } from './pod-view.js'

/** Reasons of condition `Described`. */
export type DescribeFailure = Extract<Reason, 'ImagePullFailed' | 'NotAWeaverImage' | 'DescribeFailed' | 'NameTaken'>
export type DescribeProgress =
  /** It runs; look again. `trouble` says why it may never end. */
  | { readonly state: 'running'; readonly message: string; readonly trouble?: DescribeFailure }
  /** It ended well; its log holds the graph. */
  | { readonly state: 'succeeded' }
  /** It ended badly; what to tell depends on the log. */
  | { readonly state: 'failed'; readonly reason: DescribeFailure; readonly message: string }

const PULL_REASONS = new Set([
  'ErrImagePull',
  'ImagePullBackOff',
  'InvalidImageName',
  'ErrImageNeverPull',
  'RegistryUnavailable',
  'ImageInspectError',
])
/** The runtime could not even start `node`. */
const START_REASONS = new Set([
  'RunContainerError',
  'StartError',
  'ContainerCannotRun',
  'CreateContainerError',
  'CreateContainerConfigError',
])

/** What the describe pod's status says, without its log. */
export function describeProgress(pod: Pod, image: string): DescribeProgress {
  const container = containerOf(pod, DESCRIBE_CONTAINER)
  const phase = pod.status?.phase
  if (phase === 'Succeeded') return { state: 'succeeded' }
  const waiting = container?.state?.waiting
  const terminated = container?.state?.terminated
  if (phase === 'Failed') {
    if (pod.status?.reason === 'DeadlineExceeded')
      return {
        state: 'failed',
        reason: 'DescribeFailed',
        message: `pod "${pod.metadata.name}" did not end within ${DESCRIBE_DEADLINE_SECONDS} s${waiting?.reason === undefined ? '' : ` (${waiting.reason}: ${waiting.message ?? ''})`}; it is retried`,
      }
    if (terminated?.exitCode !== undefined)
      return { state: 'failed', reason: 'NotAWeaverImage', message: notAWeaverImage(image, terminated.message ?? terminated.reason ?? '') }
    return {
      state: 'failed',
      reason: 'DescribeFailed',
      message: `pod "${pod.metadata.name}": ${pod.status?.reason ?? 'failed'}: ${pod.status?.message ?? 'no message'}; it is retried`,
    }
  }
  if (waiting?.reason !== undefined && PULL_REASONS.has(waiting.reason))
    return {
      state: 'running',
      trouble: 'ImagePullFailed',
      message: `image "${image}" cannot be pulled: ${waiting.reason}: ${waiting.message ?? 'no message'}; check the name, the tag and spec.imagePullSecrets`,
    }
  if (waiting?.reason !== undefined && START_REASONS.has(waiting.reason))
    return { state: 'running', trouble: 'NotAWeaverImage', message: notAWeaverImage(image, `${waiting.reason}: ${waiting.message ?? ''}`) }
  const unplaced = unschedulable(pod)
  return {
    state: 'running',
    message:
      unplaced === undefined
        ? `pod "${pod.metadata.name}" reads the component graph of image "${image}"`
        : `pod "${pod.metadata.name}" is not scheduled: ${unplaced}`,
  }
}

/** What a version's image is, once its describe pod has succeeded. */
export type Described =
  | { readonly ok: true; readonly graph: ComponentGraph; readonly image: PinnedImage }
  | { readonly ok: false; readonly reason: DescribeFailure; readonly message: string }

/** Reads the log of a describe pod that succeeded. */
export function readDescription(pod: Pod, image: string, log: string): Described {
  try {
    return { ok: true, graph: parseDescribeOutput(log), image: pinImage(image, containerOf(pod, DESCRIBE_CONTAINER)?.imageID) }
  } catch (error) {
    if (!isWeaverError(error, 'WEAVER_GRAPH_INVALID')) throw error
    return { ok: false, reason: 'NotAWeaverImage', message: `image "${image}": ${error.message}` }
  }
}

function notAWeaverImage(image: string, why: string): string {
  const cause = why.includes('ENOENT')
    ? 'it has no /weaver/graph.json'
    : `\`node\` could not print /weaver/graph.json: ${why.trim().split('\n').slice(-3).join(' ').slice(0, 300)}`
  return `image "${image}" is not a Weaver image: ${cause}; build it with \`weaver kube deploy\`, or put weaver.graph.json at /weaver/graph.json`
}
