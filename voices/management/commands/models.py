"""manage.py models: list, verify and install the files of voices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from voices.catalogue import stock_models
from voices.model_sources import FolderSource, ModelError, ModelUnknownError, open_source
from voices.models_folder import ModelsFolder
from voices.own_models import own_models

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Callable, Iterable, Mapping

    from voices.catalogue import ModelFile, StockModel, StockVoice
    from voices.model_sources import Source

MEGABYTE = 1_000_000


class Command(BaseCommand):
    help = "List the models that voices need, verify those installed, install more."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(required=True)
        listing = actions.add_parser("list", help="What the catalogue knows, installed or not.")
        listing.set_defaults(run=self.list_models)
        verify = actions.add_parser("verify", help="Read what is installed through.")
        verify.set_defaults(run=self.verify_models)
        install = actions.add_parser("install", help="Copy or download models, and verify them.")
        install.set_defaults(run=self.install_models)
        install.add_argument("source", help="A folder, or the http(s) address of the voices.")
        install.add_argument("names", nargs="*", help="Voices or models; without, all of them.")
        install.add_argument("--any", action="store_true", help="Voices of your own in a folder.")

    def handle(self, *args: Any, **options: Any) -> None:
        self.folder = ModelsFolder(settings.MODELS_DIR)
        try:
            options["run"](options)
        except ModelError as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{self.folder.path}: {error} [models_folder]") from error

    def list_models(self, options: Mapping[str, Any]) -> None:
        for voice, model in stock_models():
            size = f"{model.size / MEGABYTE:.0f} MB"
            self.stdout.write(
                f"{voice.slug:<8} {model.id:<20} {voice.language:<6} {voice.gender:<7} {size:<6} "
                f"{self.folder.condition(model)}; {_terms(voice)}"
            )
        known = {model.id for _, model in stock_models()}
        for model_id in self.folder.ids():
            if model_id not in known:
                self.stdout.write(f"{model_id}: not in the catalogue")
        for address in sorted({model.address for _, model in stock_models()}):
            self.stdout.write(f"To install them: manage.py models install {address}")

    def verify_models(self, options: Mapping[str, Any]) -> None:
        known = {model.id: model for _, model in stock_models()}

        def verify(model_id: str) -> str:
            self.folder.verify(model_id, known.get(model_id))
            return "whole"

        self._each(self.folder.ids(), verify)
        if not self.folder.ids():
            self.stdout.write(f"Nothing is installed in {self.folder.path}.")

    def install_models(self, options: Mapping[str, Any]) -> None:
        source = open_source(options["source"])
        if options["any"]:
            models = _own_models(source, options["names"])
        else:
            models = {model.id: model for model in _choose(options["names"], source)}
        terms = {model.id: _terms(voice) for voice, model in stock_models()}

        def install(model_id: str) -> str:
            fetched = self.folder.install(models[model_id], source, self._show_progress)
            what = "installed" if fetched else "already installed, whole"
            return f"{what}; {terms.get(model_id, 'terms unknown')}"

        self._each(models, install)

    def _each(self, ids: Iterable[str], act: Callable[[str], str]) -> None:
        """Do what can be done; fail in the end if anything failed."""
        failed = []
        for model_id in ids:
            try:
                self.stdout.write(f"{model_id}: {act(model_id)}")
            except ModelError as error:
                failed.append(model_id)
                self.stderr.write(f"{model_id}: {error}")
        if failed:
            raise CommandError(f"Failed: {', '.join(failed)}.")

    def _show_progress(self, file: ModelFile, size: int) -> None:
        if self.stdout.isatty():
            done = size == file.size
            line = f"\r{file.name}: {size / MEGABYTE:.1f} of {file.size / MEGABYTE:.1f} MB"
            self.stdout.write(line, ending="\n" if done else "")


def _terms(voice: StockVoice) -> str:
    return voice.licence + ("" if voice.commercial else "; not for commercial use")


def _choose(names: list[str], source: Source) -> list[StockModel]:
    """The named models, by voice or by model; without names, all that the source has."""
    pairs = stock_models()
    known = {model.id: model for _, model in pairs} | {voice.slug: model for voice, model in pairs}
    if unknown := [name for name in names if name not in known]:
        raise ModelUnknownError(
            f"The catalogue has no {', '.join(unknown)}; it has "
            f"{', '.join(voice.slug for voice, _ in pairs)}. For voices of your own: --any."
        )
    chosen = [known[name] for name in names] or [m for _, m in pairs if source.has(m.onnx)]
    if not chosen:
        raise ModelUnknownError("Nothing of the catalogue is there. For voices of your own: --any.")
    return chosen


def _own_models(source: Source, names: list[str]) -> dict[str, StockModel]:
    if not isinstance(source, FolderSource):
        raise ModelUnknownError("--any takes voices from a folder, not from an address.")
    return {model.id: model for model in own_models(source.folder, names)}
