import type { Pod } from './pod-view.js'
import { describeProgress, readDescription } from './describe-outcome.js'
import { pinImage } from './image-reference.js'

const DIGEST = `sha256:${'b'.repeat(64)}`

describe('image reference', () => {
  it.each([
    ['127.0.0.1:5000/app:v1', `127.0.0.1:5000/app@${DIGEST}`, `127.0.0.1:5000/app@${DIGEST}`],
    ['reg.example/team/app', `docker-pullable://reg.example/team/app@${DIGEST}`, `reg.example/team/app@${DIGEST}`],
    ['app:v1', `docker.io/library/app@${DIGEST}`, `app@${DIGEST}`],
    ['team/app:v1', `docker.io/team/app@${DIGEST}`, `team/app@${DIGEST}`],
    [`reg.example/app:v1@${DIGEST}`, '', `reg.example/app:v1@${DIGEST}`],
  ])('pins %s by what ran as %s', (image, imageId, reference) => {
    expect(pinImage(image, imageId)).toEqual({ pinned: true, reference, digest: DIGEST })
  })

  it.each([
    ['app:v1', DIGEST, /imported/],
    ['app:v1', undefined, /no image id/],
    ['app:v1', `reg.example/other@${DIGEST}`, /another repository/],
  ])('does not pin %s when the node ran %s', (image, imageId, why) => {
    expect(pinImage(image, imageId)).toEqual({ pinned: false, reference: image, why: expect.stringMatching(why) })
  })
})

describe('progress of the pod', () => {
  const pod = (status: Pod['status']): Pod => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'hello-v1-describe' },
    ...(status === undefined ? {} : { status }),
  })
  const waiting = (reason: string, message: string) =>
    pod({ phase: 'Pending', containerStatuses: [{ name: 'describe', state: { waiting: { reason, message } } }] })
  const ended = (message: string) =>
    pod({ phase: 'Failed', containerStatuses: [{ name: 'describe', state: { terminated: { exitCode: 1, message } } }] })

  it('says why an image cannot be pulled, and what to check', () => {
    const progress = describeProgress(waiting('ImagePullBackOff', 'Back-off pulling image "reg/x:v9": not found'), 'reg/x:v9')
    expect(progress).toMatchObject({
      state: 'running',
      trouble: 'ImagePullFailed',
      message: expect.stringMatching(/"reg\/x:v9" cannot be pulled: ImagePullBackOff: .*not found; check the name/),
    })
  })

  it('tells an image without a graph, and one without node, from a Weaver image', () => {
    expect(describeProgress(ended("Error: ENOENT: no such file or directory, open '/weaver/graph.json'"), 'nginx')).toMatchObject({
      state: 'failed',
      reason: 'NotAWeaverImage',
      message: expect.stringContaining('it has no /weaver/graph.json; build it with'),
    })
    expect(describeProgress(waiting('RunContainerError', 'exec: "node": executable file not found'), 'nginx')).toMatchObject({
      state: 'running',
      trouble: 'NotAWeaverImage',
    })
  })

  it('names the deadline and the scheduler', () => {
    expect(describeProgress(pod({ phase: 'Failed', reason: 'DeadlineExceeded' }), 'i')).toMatchObject({
      state: 'failed',
      reason: 'DescribeFailed',
    })
    const unplaced = pod({
      phase: 'Pending',
      conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/3 nodes are available' }],
    })
    expect(describeProgress(unplaced, 'i')).toMatchObject({
      state: 'running',
      message: expect.stringContaining('not scheduled: 0/3 nodes'),
    })
  })

  it('refuses a log that was cut short', () => {
    const done = pod({ phase: 'Succeeded', containerStatuses: [{ name: 'describe', imageID: `i@${DIGEST}` }] })
    expect(describeProgress(done, 'i')).toEqual({ state: 'succeeded' })
    expect(readDescription(done, 'i', 'weaver-graph 100 abc e30=\n')).toMatchObject({
      ok: false,
      reason: 'NotAWeaverImage',
      message: expect.stringContaining('arrived damaged'),
    })
    expect(readDescription(done, 'i', 'hello\n')).toMatchObject({ ok: false, reason: 'NotAWeaverImage' })
  })
})
