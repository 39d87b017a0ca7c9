// Run by `helm test`: is the operator ready, and does the API server take a WeaverApp? Tries again for a minute, as a fresh node needs a moment.
import { readFileSync } from 'node:fs'

const { OPERATOR_URL, NAMESPACE, KUBERNETES_SERVICE_HOST, KUBERNETES_SERVICE_PORT } = process.env
const token = readFileSync('/var/run/secrets/kubernetes.io/serviceaccount/token', 'utf8').trim()
const app = {
  apiVersion: 'weaver.dev/v1alpha1',
  kind: 'WeaverApp',
  metadata: { name: 'helm-test', namespace: NAMESPACE },
  spec: { image: 'example.invalid/hello:v1', rollout: { steps: [{ weight: 10, hold: '1m' }, { weight: 100 }] } },
}
const checks = {
  'the operator is ready': async () => {
    const answer = await fetch(`${OPERATOR_URL}/readyz`, { signal: AbortSignal.timeout(5000) })
    if (!answer.ok) throw new Error(`${OPERATOR_URL}/readyz answers ${answer.status}: ${await answer.text()}`)
  },
  'the API server takes a WeaverApp (dry run)': () => post(app, 201),
  'the API server refuses a wrong one': () => post({ ...app, spec: { ...app.spec, rollout: { steps: [{ weight: 10 }] } } }, 422),
}

async function post(body, expected) {
  const url = `https://${KUBERNETES_SERVICE_HOST}:${KUBERNETES_SERVICE_PORT}/apis/weaver.dev/v1alpha1/namespaces/${NAMESPACE}/weaverapps?dryRun=All`
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body), signal: AbortSignal.timeout(5000) })
  if (answer.status !== expected) throw new Error(`${url} answers ${answer.status}, not ${expected}: ${await answer.text()}`)
}

const deadline = Date.now() + 60_000
for (const [what, check] of Object.entries(checks)) {
  for (;;) {
    try {
      await check()
      console.log(`ok: ${what}`)
      break
    } catch (error) {
      if (Date.now() > deadline) {
        console.error(`failed: ${what}: ${error.message}${error.cause ? `: ${error.cause.message}` : ''}`)
        process.exit(1)
      }
      await new Promise((resolve) => setTimeout(resolve, 1000))
    }
  }
}
