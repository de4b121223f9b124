local kong = kong


return {
  ["/probe/:name"] = {
    GET = function(self)
      return kong.response.exit(200, { name = self.params.name, query = self.params.q, header = self.req.headers["x-a"] })
    end,

    POST = function(self)
      return kong.response.exit(201, { name = self.params.name, value = self.params.value, json = self.json })
    end,

    DELETE = function()
      error("the probe's API raised")
    end,
  },
}
