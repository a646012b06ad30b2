# The commands of this project. `make` alone lists them.
#
# up            build, start a cluster of N machines (3) on this one, deploy the demo, open the console; N=1: a daemon for this machine itself
# down          stop what `make up` started and remove everything it made but the build
# cluster       N machines (3) on this one, each with a daemon, and pods over them; scripts/cluster cuts, crashes and heals them
# cluster-down  end them and remove every trace
# test          install what the tests need, run all of them
# bench         measure beside podman, the cluster beside chitchat, the console, and the Kubernetes API, in one run
# lint          formatting, clippy, the direction of imports, the length of files
# demo          the demo image alone, in target/demo.tar
# clean         what was built

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
N ?= 3
.PHONY: help up down cluster cluster-down test bench lint demo clean build

help:
	@sed -n '/^# [a-z]/s/^# //p' Makefile

build: scripts/apt-install
	@scripts/apt-install build
	cargo build --release --locked --bin skiff --bin skiffd

demo: scripts/apt-install
	@scripts/apt-install demo
	demos/image.sh target/demo.tar

up: build demo
ifeq ($(N),1)
	@scripts/up
else
	@$(MAKE) --no-print-directory cluster N=$(N)
	@scripts/cluster console n1
endif

down: cluster-down
	@scripts/down

cluster: build demo
	@scripts/apt-install cluster
	cargo build --release --locked --package end-to-end --bin slow-link
	@scripts/cluster demo $(N)

cluster-down:
	@scripts/cluster down

test:
	@scripts/apt-install test
	@scripts/test

bench: demo
	@scripts/apt-install bench
	cargo build --release --locked --bin skiff --bin skiffd --bin skiff-bench --bin skiff-bench-cluster --bin skiff-bench-console --bin skiff-bench-api
	cargo build --release --locked -p tui --example pretend
	cargo build --release --locked --manifest-path benches/chitchat/Cargo.toml --target-dir target/chitchat
	@scripts/bench

lint:
	@scripts/lint

clean:
	cargo clean
