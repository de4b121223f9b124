-- The one workspace there is, under the id that DB-less Kong gives it.


return {
  ID = "0dc6f45b-8f8d-40d2-a504-473544ee190b",
  NAME = "default",
}
