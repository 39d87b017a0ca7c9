/**
 * Types of the conditions of a WeaverApp. `Reconciling` and `Stalled` are abnormal-true, as kstatus
 * reads them.
 */
export const CONDITION_TYPES = [
  'Ready',
  'Reconciling',
  'Stalled',
  'Progressing',
  'Available',
  'Degraded',
  'Described',
  'ImagePinned',
  'TrafficInSync',
  'Isolated',
  'AnalysisPassing',
] as const
export type ConditionType = (typeof CONDITION_TYPES)[number]
/** Types that earlier releases wrote; a new status drops them. */
export const RETIRED_CONDITION_TYPES: readonly string[] = ['IsolationVerified']

/**
 * Every reason that a condition or an event may carry, with the sentence that explains it. Reasons
 * are stable: tools match on them.
 */
export const REASONS = {
  // Transitions of a rollout: events, history, metrics.
  RolloutStarted: 'A new version is being started beside the active one; it has no traffic yet.',
  StepStarted: 'The preview version was given the next share of traffic.',
  Promoted: 'The preview version took all traffic and is the active version now.',
  RolloutFailed:
    'The version made no progress within the deadline, or failed its analysis; traffic stays with, or went back to, the active version.',
  RolloutHalted:
    'The version made no progress within the deadline, or failed its analysis, and rollout.onFailure is "pause": weights stay until promote or abort.',
  AnalysisFailed:
    'The version is worse than the active one; the message names component and method. As an event: nothing follows, as rollout.analysis.mode is "dryRun".',
  RolloutPaused: 'A user paused the rollout: weights stay until resume or promote.',
  RolloutResumed: 'A paused or halted rollout was resumed.',
  StepPromoted: 'A user ended the hold or pause of a step, or all that are left.',
  RolloutAborted: 'A user aborted the rollout; traffic went back to the active version.',
  VersionBurned: 'A user burned the version, with all older ones: they have no traffic any more, and never again.',
  BurnRefused: 'A command to burn versions was not carried out; the message says why.',
  BurnedNotStarted: 'A version that was burned is asked for; it does not start again.',
  RolledBack: 'The spec asks for the active version again; the preview version gives its traffic back.',
  Superseded: 'The spec asks for another version; the preview version gives its traffic back and drains.',
  PreviewDegraded: 'The preview version could not serve any more; its traffic went back to the active version.',
  ActiveUnservable: 'The active version cannot serve; another version that can has its traffic.',
  DrainStarted: 'The version has no traffic any more and finishes what is in flight.',
  DrainCut:
    'The version still had requests in flight, or their number was unknown, when its drain timeout ended; it is removed all the same.',
  VersionRetained: 'The version is drained; it stays warm, so that a rollback to it needs no start.',
  VersionRemoved: 'The version is drained; its objects are deleted.',
  Adopted: 'The status was lost; the version that has traffic was taken as the active one.',
  // Phases, as conditions repeat them.
  Pending: 'Nothing of the version asked for exists yet.',
  Starting: 'The version asked for is starting and has no traffic yet.',
  Progressing: 'Traffic is moving to the preview version.',
  Paused: 'The rollout waits for a user.',
  Draining: 'An old version finishes what is in flight.',
  Ready: 'The version asked for serves all traffic and every group is ready.',
  Failed: 'The version asked for failed.',
  Degraded: 'A version that has traffic is not wholly ready.',
  Suspended: 'spec.suspend is true: nothing is created, moved or removed.',
  // Other reasons of conditions.
  InvalidSpec: 'The spec is wrong; the message names field and remedy. The live versions serve on.',
  NameTaken: 'A name that the app needs belongs to an object that is not its own; the message names it, its owner and the remedy.',
  NotReachable: 'Users cannot reach the active version: something between them and its pods is missing; the message names it.',
  NotStalled: 'Nothing needs a person.',
  ActiveServes: 'The active version serves.',
  NoActiveVersion: 'No version has taken traffic yet.',
  NoReadyEndpoint: 'The active version has no ready endpoint.',
  ActiveNotReady: 'The active version serves, but not every group is ready.',
  WorkFailed: 'Some work failed and is retried.',
  AsExpected: 'No fault is known.',
  AccountPerVersion: 'Each version has a broker account of its own.',
  SharedAccount: 'The broker has no operator mode: versions share one account and are told apart by the names of their subjects only.',
  Describing: 'The component graph is being read from the image.',
  Described: 'The component graph is known.',
  NotAWeaverImage: 'The image carries no component graph.',
  DescribeFailed: 'The component graph could not be read from the image.',
  ImagePullFailed: 'The image could not be pulled.',
  PinnedByDigest: 'The version runs by digest.',
  NoDigest: 'No digest is to be had for the image; the tag runs.',
  InSync: 'Every proxy has read back the asked weights.',
  Converging: 'Some proxy has not read back the asked weights yet.',
  NoneWorse: 'No method of the preview version that had enough calls is worse than in the active one.',
  AnalysisInconclusive: 'Too few calls were compared, or the counters of a version cannot be read; the message says which.',
  BrokerCleanupFailed: 'A broker account of a deleted version could not be removed.',
} as const
export type Reason = keyof typeof REASONS
