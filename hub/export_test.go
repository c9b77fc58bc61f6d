package hub

// Home is for tests that need a space whose home they know.
var Home = home
