"""Stand-in models: a local server that speaks the OpenAI API, so that no key or network is needed."""
