"""Stand-in models: a local server that speaks the OpenAI API, so that an agent runs without a key or a network."""
