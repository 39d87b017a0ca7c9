export * from '@weaver/testing'
