"""manage.py models: list, verify and install the files of voices, and of engines that clone."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from voices.catalogue import engine_models, stock_models
from voices.engine_folders import EngineFolder, MadeFolder
from voices.model_sources import (
    FolderSource,
    LicenceError,
    ModelError,
    ModelUnknownError,
    open_source,
)
from voices.models_folder import Condition, ModelsFolder
from voices.own_models import own_models

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Callable, Mapping

    from voices.catalogue import EngineModel, ModelFile, StockModel, StockVoice
    from voices.model_sources import Source

    Acts = Mapping[str, Callable[[], str]]

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
        install.add_argument("names", nargs="*", help="Voices or models; without, all voices.")
        install.add_argument("--any", action="store_true", help="Voices of your own in a folder.")
        install.add_argument(
            "--accept", action="append", default=[], metavar="LICENCE", help="A licence, by name."
        )

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
        for engine_model in engine_models():
            self._tell_engine_model(engine_model)

    def _tell_engine_model(self, model: EngineModel) -> None:
        fetched = EngineFolder(self.folder.path, model).condition()
        state = f"{model.size / MEGABYTE:.0f} MB, {fetched}"
        if model.made:
            made = MadeFolder(self.folder.path / model.made).condition()
            state = f"{made}, made of {model.folder}: {state}"
        self.stdout.write(f"{model.name}: {state}; {_licence(model)}")
        self.stdout.write(f"To install it: manage.py models install {model.address} {model.name}")
        if model.then:
            self.stdout.write(f"Then, where its worker runs: {self._then(model)}")

    def _then(self, model: EngineModel) -> str:
        models = self.folder.path
        return model.then.format(folder=models / model.folder, made=models / model.made)

    def verify_models(self, options: Mapping[str, Any]) -> None:
        known = {model.id: model for _, model in stock_models()}
        acts = {
            model_id: partial(self.folder.verify, model_id, known.get(model_id))
            for model_id in self.folder.ids()
        } | {
            name: folder.verify
            for name, folder in self._engine_folders().items()
            if folder.condition() != Condition.ABSENT
        }
        self._each({name: partial(_whole, verify) for name, verify in acts.items()})
        if not acts:
            self.stdout.write(f"Nothing is installed in {self.folder.path}.")

    def _engine_folders(self) -> dict[str, EngineFolder | MadeFolder]:
        models, place = engine_models(), self.folder.path
        made = {one.made: MadeFolder(place / one.made) for one in models if one.made}
        return {one.folder: EngineFolder(place, one) for one in models} | made

    def install_models(self, options: Mapping[str, Any]) -> None:
        source, names = open_source(options["source"]), options["names"]
        if options["any"]:
            self._each(self._installing(_own_models(source, names), source))
            return
        engines = {model.name: model for model in engine_models() if model.name in names}
        voices = [name for name in names if name not in engines]
        chosen = _choose(voices, source) if voices or not engines else []
        for model in engines.values():
            self._ask_for_licence(model, options["accept"])
        acts = self._installing({model.id: model for model in chosen}, source)
        self._each(
            {**acts, **{n: partial(self._install_engine, m, source) for n, m in engines.items()}}
        )

    def _installing(self, models: Mapping[str, StockModel], source: Source) -> Acts:
        terms = {model.id: _terms(voice) for voice, model in stock_models()}

        def install(model: StockModel) -> str:
            fetched = self.folder.install(model, source, self._show_progress)
            return f"{_outcome(fetched)}; {terms.get(model.id, 'terms unknown')}"

        return {model_id: partial(install, model) for model_id, model in models.items()}

    def _ask_for_licence(self, model: EngineModel, accepted: list[str]) -> None:
        """Go on only where the operator has accepted it: here, by an option or by the settings."""
        if model.licence in (*accepted, *settings.ACCEPTED_LICENCES):
            return
        question = f"{model.name} is under {_licence(model)}. Do you accept it? [y/N] "
        if sys.stdin.isatty() and input(question).strip().lower() in {"y", "yes"}:
            return
        raise LicenceError(
            f"{model.name} is under {_licence(model)}. To accept it: --accept {model.licence}."
        )

    def _install_engine(self, model: EngineModel, source: Source) -> str:
        folder = EngineFolder(self.folder.path, model)
        said = [f"{_outcome(folder.install(source, self._show_progress))}; {_licence(model)}"]
        if model.then:
            said.append(f"Then, where its worker runs: {self._then(model)}")
        said.append(f"Its workers need ACCEPTED_LICENCES={model.licence}")
        return "\n".join(said)

    def _each(self, acts: Acts) -> None:
        """Do what can be done; fail in the end if anything failed."""
        failed = []
        for name, act in acts.items():
            try:
                self.stdout.write(f"{name}: {act()}")
            except ModelError as error:
                failed.append(name)
                self.stderr.write(f"{name}: {error}")
        if failed:
            raise CommandError(f"Failed: {', '.join(failed)}.")

    def _show_progress(self, file: ModelFile, size: int) -> None:
        if self.stdout.isatty():
            done = size == file.size
            line = f"\r{file.name}: {size / MEGABYTE:.1f} of {file.size / MEGABYTE:.1f} MB"
            self.stdout.write(line, ending="\n" if done else "")


def _terms(voice: StockVoice) -> str:
    return voice.licence + ("" if voice.commercial else "; not for commercial use")


def _licence(model: EngineModel) -> str:
    return f"{model.licence} ({model.terms}): {model.text}"


def _outcome(fetched: bool) -> str:
    return "installed" if fetched else "already installed, whole"


def _whole(verify: Callable[[], None]) -> str:
    verify()
    return "whole"


def _choose(names: list[str], source: Source) -> list[StockModel]:
    """The named models, by voice or by model; without names, all that the source has."""
    pairs = stock_models()
    known = {model.id: model for _, model in pairs} | {voice.slug: model for voice, model in pairs}
    others = [model.name for model in engine_models()]
    if unknown := [name for name in names if name not in known]:
        raise ModelUnknownError(
            f"The catalogue has no {', '.join(unknown)}; it has "
            f"{', '.join([*(voice.slug for voice, _ in pairs), *others])}. "
            "For voices of your own: --any."
        )
    chosen = [known[name] for name in names] or [m for _, m in pairs if source.has(m.onnx)]
    if not chosen:
        raise ModelUnknownError("Nothing of the catalogue is there. For voices of your own: --any.")
    return chosen


def _own_models(source: Source, names: list[str]) -> dict[str, StockModel]:
    if not isinstance(source, FolderSource):
        raise ModelUnknownError("--any takes voices from a folder, not from an address.")
    return {model.id: model for model in own_models(source.folder, names)}
