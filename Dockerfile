# syntax=docker/dockerfile:1
# The image holds the program, certificate authorities and a user without
# rights; no shell, no package manager.
#
# Where this project is tested there is no engine and no registry: the image as
# it is written here is unbuilt there. internal/recipes builds the stage of a
# release on an empty base and runs the program in it, and holds this file to
# what must not get lost: the user, the exec form, nothing fetched by ADD.
#
#   docker build -t m2mscan .                    from source
#   goreleaser release (--target=release)        with the binary of the release
#
# The bases go by tag: a digest written down here could be checked by nobody.
# Pin them with --build-arg BASE=...@sha256:... where your policy asks for it.
ARG GO=golang:1.26-bookworm
ARG BASE=gcr.io/distroless/static-debian12:nonroot

FROM --platform=$BUILDPLATFORM ${GO} AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN ["go", "mod", "download"]
COPY . .
ARG TARGETOS TARGETARCH VERSION=dev
ENV CGO_ENABLED=0 GOOS=${TARGETOS} GOARCH=${TARGETARCH}
RUN ["sh", "-c", "go build -trimpath -ldflags \"-s -w -X main.version=$VERSION\" -o /out/m2mscan ./cmd/m2mscan"]

FROM ${BASE} AS release
ARG TARGETPLATFORM
COPY --chmod=0755 ${TARGETPLATFORM}/m2mscan /usr/bin/m2mscan
USER 65532:65532
WORKDIR /work
ENTRYPOINT ["/usr/bin/m2mscan"]

# Last, so that it is what a plain docker build makes.
FROM ${BASE} AS source
COPY --from=build --chmod=0755 /out/m2mscan /usr/bin/m2mscan
USER 65532:65532
WORKDIR /work
ENTRYPOINT ["/usr/bin/m2mscan"]
