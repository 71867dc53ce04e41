"""Pages for people: plain HTML, CSS and small modules, without a build step."""
