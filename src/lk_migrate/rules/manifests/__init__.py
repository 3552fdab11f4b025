"""Rules for the files beside the code: their words. What they do is in lk_migrate.manifests."""
