import { foreignPackages, type NativePackage } from './native-packages.js'
import { parsePlatform } from './platform.js'

const native = (name: string, os: string, cpu: string, neededBy = name.split('/')[0] ?? ''): NativePackage => ({
  name,
  neededBy,
  os: [os],
  cpu: [cpu],
})
const foreign = (installed: readonly NativePackage[], platform: string): readonly string[] =>
  foreignPackages(installed, parsePlatform(platform))

const ON_X64 = native('@esbuild/linux-x64', 'linux', 'x64', 'esbuild')

describe('a package for some machines only', () => {
  it('is none of the others, which is said with what to do', () => {
    expect(foreign([ON_X64], 'linux/amd64')).toEqual([])
    expect(foreign([ON_X64], 'linux/arm64')).toEqual([
      'the image for linux/arm64 has only "@esbuild/linux-x64" for "esbuild", which is for other machines. If it needs one there, install for that platform, `npm install --os linux --cpu arm64`, and build its image by itself: --platform linux/arm64',
    ])
  })

  it('of a Mac is none of an image, whose processor is the same', () => {
    expect(foreign([native('@esbuild/darwin-arm64', 'darwin', 'arm64', 'esbuild')], 'linux/arm64')).toHaveLength(1)
  })

  it('is no matter where the one for the other machine is there, too', () => {
    const both = [native('@swc/core-linux-x64-gnu', 'linux', 'x64'), native('@swc/core-linux-arm64-musl', 'linux', 'arm64')]
    for (const platform of ['linux/amd64', 'linux/arm64']) expect(foreign(both, platform)).toEqual([])
    expect(foreign(both, 'linux/s390x')).toEqual([expect.stringContaining('"@swc/core-linux-x64-gnu", "@swc/core-linux-arm64-musl"')])
  })

  it('is looked at by what it is, not only by who needs it', () => {
    const sharp = [
      native('@img/sharp-linux-x64', 'linux', 'x64', 'sharp'),
      native('@img/sharp-linux-arm64', 'linux', 'arm64', 'sharp'),
      native('@img/sharp-libvips-linux-x64', 'linux', 'x64', 'sharp'),
    ]
    expect(foreign(sharp, 'linux/arm64')).toEqual([expect.stringContaining('has only "@img/sharp-libvips-linux-x64" for "sharp"')])
  })

  it.each([
    [['x64', 'arm64'], 'linux/arm64', 0],
    [['!arm64'], 'linux/amd64', 0],
    [['!arm64'], 'linux/arm64', 1],
    [['any'], 'linux/arm64', 0],
    [['ia32'], 'linux/386', 0],
  ])('with "cpu": %j on %s gives %i warnings', (cpu, platform, count) => {
    expect(foreign([{ name: 'a', neededBy: 'b', cpu }], platform)).toHaveLength(count)
  })
})
