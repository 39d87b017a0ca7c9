/**
 * Every environment variable that the command reads, or sets for an application that it starts.
 * docs/cli.md prints them.
 */
export const ENVIRONMENT: Readonly<Record<string, string>> = {
  WEAVER_CONFIG: 'Read by an application that runs by itself: its weaver.toml. `weaver single deploy` sets it for the application.',
  SERVICEWEAVER_CONFIG: 'The same under the name that Service Weaver gave it; `WEAVER_CONFIG` goes before it.',
  WEAVER_LOG_LEVEL: 'Read by an application: `debug`, `info` (the default), `warn` or `error`.',
  KUBECONFIG:
    'Kubeconfig, or several, divided by `:`; the first that says a thing wins. Default: `~/.kube/config`, else, in a pod, its service account.',
  WEAVER_KUBE_REPO: 'Registry and path that images are pushed to, where neither `--repo` nor `kube.repo` is given.',
  WEAVER_REGISTRY: 'The same, after `WEAVER_KUBE_REPO`.',
  WEAVER_BASE_IMAGE: 'Base of images, where neither a flag nor `kube.base_image` is given.',
  REGISTRY_AUTH_FILE: 'File with credentials of registries, in the format of `docker login` and `podman login`. It is read first.',
  DOCKER_CONFIG: 'Folder of the `config.json` that `docker login` writes. Default: `~/.docker`.',
  XDG_RUNTIME_DIR: 'Its `containers/auth.json`, which `podman login` writes, is read last.',
  XDG_STATE_HOME:
    'Below it, in `weaver`, logs and the list of running deployments of `weaver single`, `weaver multi` and `weaver ssh` are kept, and all that `weaver gke-local` runs. Default: `~/.local/state`.',
  XDG_CACHE_HOME: 'Below it, in `weaver`, layers of images are kept. Default: `~/.cache`.',
  HOME: 'Where `~` is.',
  USERPROFILE: 'Where `~` is, on Windows.',
  KUBERNETES_SERVICE_HOST: 'Set in every pod; without a kubeconfig it says that the service account is to be used.',
  HTTPS_PROXY:
    'Proxy of requests by HTTPS to registries and to the Kubernetes API: `http://user:password@proxy.example:3128`, or `socks5://…`. In lower case, too. `proxy-url` of a kubeconfig goes before it.',
  HTTP_PROXY: 'The same for plain HTTP.',
  NO_PROXY:
    'What is reached without a proxy, divided by commas: names with their subdomains, `.suffixes`, addresses, CIDR ranges, each name or address with or without a port; `*` for all. In lower case, too. Loopback never has a proxy.',
  NODE_EXTRA_CA_CERTS: 'Of Node: a file with more certificate authorities to trust, such as that of a registry of your own.',
  NODE_USE_ENV_PROXY:
    'Of Node 24: `1` sends what a library does by itself through the proxies above, too. Of this command that is one request, the refresh of an OIDC token that has expired (`auth-provider` of a kubeconfig). Where that has an `idp-certificate-authority`, it goes without a proxy: use an `exec` plugin for the login then.',
  NODE_COMPILE_CACHE:
    'Of Node: a folder for compiled code, which shortens starts. Where it is not set, the deployers of this machine and `weaver dev` set it for the application to `node-compile-cache` in the temporary folder. `NODE_DISABLE_COMPILE_CACHE=1` turns it off.',
  NODE_V8_COVERAGE: 'Of Node: where it is set, `NODE_COMPILE_CACHE` is left as it is, since coverage is less exact with it.',
  PATH: 'Where `nats-server` is looked for, by `weaver multi`, `ssh` and `gke-local deploy` and by `weaver dev`, after the package of the platform; and `ssh`, by `weaver ssh deploy`.',
  NO_COLOR: 'Anything but the empty string: no colours.',
  TERM: '`dumb`: no colours, and nothing is redrawn in place.',
  WEAVER_DEBUG: 'Anything but the empty string: errors come with stack trace and cause.',
}
