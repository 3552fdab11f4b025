"""The files beside the code: what a project needs, what runs it. They follow the converted code to the target."""

from lk_migrate.manifests.imports import imported_modules
from lk_migrate.manifests.names import MANIFEST_NAMES, is_manifest
from lk_migrate.manifests.plan import MANIFEST_RULES, ManifestResult, plan_manifests

__all__ = ["MANIFEST_NAMES", "MANIFEST_RULES", "ManifestResult", "imported_modules", "is_manifest", "plan_manifests"]
