# The operator's image, for releases: docker build -t OWNER/weaver-operator:TAG .
# The stories and the demo build the same program without a container engine (`weaver image push operator`), because they must run where there is none.
FROM node:24-bookworm-slim AS build
WORKDIR /src
COPY . .
RUN npm ci --no-audit --no-fund && npx tsc -b operator && npm ci --omit=dev --workspace @weaver/operator --no-audit --no-fund

FROM node:24-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /src/node_modules node_modules
COPY --from=build /src/LICENSE LICENSE
COPY --from=build /src/crds/package.json crds/package.json
COPY --from=build /src/crds/dist crds/dist
COPY --from=build /src/sdk/package.json sdk/package.json
COPY --from=build /src/sdk/dist sdk/dist
COPY --from=build /src/deployer/package.json deployer/package.json
COPY --from=build /src/deployer/dist deployer/dist
COPY --from=build /src/rollout/package.json rollout/package.json
COPY --from=build /src/rollout/dist rollout/dist
COPY --from=build /src/kube/package.json kube/package.json
COPY --from=build /src/kube/dist kube/dist
COPY --from=build /src/operator/package.json operator/package.json
COPY --from=build /src/operator/dist operator/dist
USER 1000:1000
ENTRYPOINT ["node", "/app/operator/dist/main.js"]
