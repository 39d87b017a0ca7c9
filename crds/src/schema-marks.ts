/** Marks for the API server; see crd.ts. Texts are what `kubectl explain` shows. */
export const rule = (rule: string, message: string, fieldPath?: string) => ({
  rule,
  message,
  ...(fieldPath === undefined ? {} : { fieldPath }),
})
export const mapBy = (key: string) => ({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': [key] })
