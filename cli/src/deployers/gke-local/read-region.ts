/** What the processes of a region's copies have counted, for the analysis of a rollout there. */
import type { AnalysisTask, VersionReadings } from '@weaver/rollout'
import { methodCounters, type MethodCounters } from '@weaver/deployer'
import { askProcesses } from '../local/deployment-control.js'
import type { RunningDeployment } from '../local/running-deployments.js'

const TIMEOUT_MS = 5_000

/** @param hostOf by version. @throws WeaverError `WEAVER_CLI_UNREACHABLE`, and where a host is not there */
export async function readRegion(
  { active, preview }: AnalysisTask,
  hostOf: (deploymentId: string) => RunningDeployment | undefined,
): Promise<VersionReadings> {
  const [ofActive, ofPreview] = await Promise.all([readCopy(hostOf(active)), readCopy(hostOf(preview))])
  return { active: ofActive, preview: ofPreview }
}

async function readCopy(host: RunningDeployment | undefined): Promise<readonly MethodCounters[]> {
  if (host === undefined) throw new Error('its host is not there')
  return (await askProcesses(host, { request: { kind: 'metrics' }, expect: 'metrics', timeoutMs: TIMEOUT_MS })).map(methodCounters)
}
