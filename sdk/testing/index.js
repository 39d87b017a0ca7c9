// The door `@weaver/sdk/testing`: the test kit, which is the package `@weaver/testing`. By hand and outside `src`, because that package is built after this one.
export * from '@weaver/testing'
