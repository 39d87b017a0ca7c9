import { earlierVersionIdOf, versionIdOf, weaverAppSpecSchema, type WeaverAppSpecInput } from '@weaver/crds'
import type { VersionSnapshot } from '../desired/version-snapshot.js'
import type { RolloutState } from '@weaver/rollout'
import { versionOfSpec } from './version-of-spec.js'

const specOf = (more: Partial<WeaverAppSpecInput> = {}) => weaverAppSpecSchema.parse({ image: 'reg.example/shop:v1', ...more })
const named = specOf({ groups: [{ name: 'cart', components: ['shop/Cart'] }] })
const renamed = specOf({ groups: [{ name: 'carts', components: ['shop/Cart'] }] })
const plain = specOf()
const [byNamed, byRenamed, byPlain] = [named, renamed, plain].map(earlierVersionIdOf) as [string, string, string] // three specs, three ids
const snapshot = (spec: typeof plain, versionId: string) => ({ spec, versionId }) as unknown as VersionSnapshot // the fields that it reads
const state = (more: Partial<RolloutState>): RolloutState => ({ step: -1, progressAt: 0, draining: [], failed: [], ...more })

describe('the version that a spec asks for', () => {
  it('has the id of its content where nothing of it exists', () => {
    expect(versionOfSpec(named, { snapshots: [], state: undefined })).toBe(versionIdOf(named))
    expect(versionIdOf(named)).toBe(versionIdOf(renamed))
  })

  it('keeps the id that an earlier release gave it, also when its groups are named otherwise by then', () => {
    const known = { snapshots: [snapshot(named, byNamed)], state: state({ active: byNamed }) }
    for (const spec of [named, renamed, plain]) expect(versionOfSpec(spec, known)).toBe(byNamed)
    expect(versionOfSpec(specOf({ image: 'reg.example/shop:v2' }), known)).not.toBe(byNamed)
  })

  it('is not tried again when it failed under an earlier release, of which nothing is left', () => {
    expect(versionOfSpec(named, { snapshots: [], state: state({ failed: [byNamed] }) })).toBe(byNamed)
  })

  it('of two that have come to the same is the one with traffic, unless the other is being rolled out', () => {
    const snapshots = [snapshot(named, byNamed), snapshot(renamed, byRenamed), snapshot(plain, byPlain)]
    expect(versionOfSpec(renamed, { snapshots, state: state({ active: byNamed, preview: byRenamed }) })).toBe(byRenamed)
    expect(versionOfSpec(renamed, { snapshots, state: state({ active: byNamed }) })).toBe(byNamed)
    expect(versionOfSpec(named, { snapshots, state: undefined })).toBe(byPlain)
    expect(versionOfSpec(named, { snapshots: snapshots.slice(0, 2), state: undefined })).toBe(byNamed)
  })
})
