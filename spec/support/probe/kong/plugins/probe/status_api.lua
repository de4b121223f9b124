return require "kong.plugins.probe.api"
