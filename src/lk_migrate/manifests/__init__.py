"""The files beside the code: what a project needs, what runs it. They follow the converted code to the target."""
