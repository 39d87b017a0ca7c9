import { KINDS, type KubeObject } from '@weaver/kube'
import { createMemoryKube } from './memory-kube.js'
import { createRememberedReads } from './remembered-reads.js'

const pod = (name: string, namespace: string): KubeObject => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace } })

it('asks again after a write to that kind in that namespace, even one that failed or that a read has overtaken', async () => {
  const memory = createMemoryKube()
  let asked = 0
  let hold: Promise<void> | undefined
  const list: typeof memory.list = async (kind, options) => ((asked += 1), memory.list(kind, options))
  const remove: typeof memory.delete = async (...args) => {
    await hold
    return memory.delete(...args)
  }
  const api = createRememberedReads({ ...memory, list, delete: remove })
  const names = async (namespace?: string) =>
    (await api.list(KINDS.pods, namespace === undefined ? {} : { namespace })).items.map((o) => o.metadata.name)

  expect([await names('a'), await names('a'), await names()]).toEqual([[], [], []])
  expect(asked).toBe(2)
  await api.apply(KINDS.pods, pod('one', 'a'))
  expect([await names('a'), await names(), await api.get(KINDS.pods, 'a', 'one')]).toMatchObject([['one'], ['one'], pod('one', 'a')])
  await api.apply(KINDS.pods, pod('two', 'b'))
  expect([await names('a'), await names()]).toEqual([['one'], ['one', 'two']])
  expect(asked).toBe(5)

  let go = (): void => undefined
  hold = new Promise((resolve) => (go = resolve))
  const removed = api.delete(KINDS.pods, 'a', 'one')
  expect(await names('a')).toEqual(['one'])
  go()
  await removed
  expect([await names('a'), await api.get(KINDS.pods, 'a', 'one')]).toEqual([[], undefined])

  memory.put(KINDS.pods, pod('three', 'a'))
  expect(await names('a')).toEqual([])
  await expect(api.create(KINDS.pods, pod('three', 'a'))).rejects.toThrow('create is not used')
  expect(await names('a')).toEqual(['three'])
})

it('gives objects that nobody can change', async () => {
  const api = createRememberedReads(createMemoryKube())
  await api.apply(KINDS.pods, pod('one', 'a'))
  const found = await api.get(KINDS.pods, 'a', 'one')
  expect(() => Object.assign(found?.metadata ?? {}, { name: 'two' })).toThrow(TypeError)
})
