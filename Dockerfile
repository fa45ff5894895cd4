# Build: docker build -t wechat-outbox .
# What is built is the same on every platform, so it is built on the one that is at hand.
FROM --platform=${BUILDPLATFORM:-linux} node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY . .
# The image holds what the package holds: what npm packs, and nothing else.
RUN npm run build && npm pack --ignore-scripts && mkdir /package && tar -xzf wechat-outbox-*.tgz -C /package --strip-components 1

FROM node:24-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
# Without optional ones, too: the embedded PostgreSQL has no place in a container that is given a database.
RUN npm ci --ignore-scripts --omit=dev --omit=optional

FROM node:24-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /package ./
USER node
EXPOSE 3000 3001
# In a container the admin port must be reachable from outside of it; publish it to the loopback alone.
ENV ADMIN_HOST=0.0.0.0
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.ADMIN_PORT || 3001}/readyz`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# node itself is the first process, so that SIGTERM reaches it.
ENTRYPOINT ["node", "dist/cli/main.js"]
CMD ["start"]
