"""A language server for marks: what is wrong while one types, and what a mark means on hover.

It needs the extra ``hpo-annotate[lsp]``, and talks over its standard streams, as editors start it.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import tokenize
from importlib.metadata import version
from pathlib import Path

from lsprotocol import types as lsp
from pygls.lsp.server import LanguageServer
from pygls.uris import to_fs_path
from pygls.workspace import PositionCodec, TextDocument

from hpo.annotate.project import annotate
from hpo.annotate.reading.source import SourceFile
from hpo.annotate.result import AnnotatedFile, AnnotatedProject, Site
from hpo.errors import Diagnostic, HpoError, StoreError
from hpo.experiment.plan import plan_of
from hpo.experiment.wording import result
from hpo.runtime import home
from hpo.runtime.launcher import ScriptCommand
from hpo.runtime.queries import TrialRow
from hpo.runtime.store import Store

__all__ = ["serve"]

_PAUSE = 0.15  # seconds without a key before a text is read
_SEVERITIES = {
    "error": lsp.DiagnosticSeverity.Error,
    "warning": lsp.DiagnosticSeverity.Warning,
    "note": lsp.DiagnosticSeverity.Information,
}

server = LanguageServer("hpo", version("hpo-annotate"))


def serve() -> None:
    """Serve an editor until it ends."""
    server.start_io()


@server.feature(lsp.TEXT_DOCUMENT_DID_OPEN)
def did_open(ls: LanguageServer, params: lsp.DidOpenTextDocumentParams) -> None:
    """Say at once what is wrong."""
    _publish(ls, ls.workspace.get_text_document(params.text_document.uri))


@server.feature(lsp.TEXT_DOCUMENT_DID_CHANGE)
async def did_change(ls: LanguageServer, params: lsp.DidChangeTextDocumentParams) -> None:
    """Say what is wrong, once the typing pauses."""
    await asyncio.sleep(_PAUSE)
    document = ls.workspace.text_documents.get(params.text_document.uri)
    if document is not None and document.version == params.text_document.version:
        _publish(ls, document)


@server.feature(lsp.TEXT_DOCUMENT_DID_CLOSE)
def did_close(ls: LanguageServer, params: lsp.DidCloseTextDocumentParams) -> None:
    """Take back what was said of a file that is closed."""
    closed = lsp.PublishDiagnosticsParams(uri=params.text_document.uri, diagnostics=[])
    ls.text_document_publish_diagnostics(closed)


@server.feature(lsp.TEXT_DOCUMENT_HOVER)
def hover(ls: LanguageServer, params: lsp.HoverParams) -> lsp.Hover | None:
    """Say what a mark means, and the best value that an experiment found."""
    document = ls.workspace.get_text_document(params.text_document.uri)
    found = _read(document)
    if found is None:
        return None
    path, project = found
    annotated = next((file for file in project.files if file.path == path), None)
    if annotated is None:
        return None
    file = SourceFile(annotated.name, annotated.path, annotated.original)
    at = ls.workspace.position_codec.position_from_client_units(document.lines, params.position)
    offset = file.line_start(at.line + 1) + at.character
    site = _site_at(annotated, file, offset)
    if site is None:
        return None
    text = _explained(project, file, site, path)
    return lsp.Hover(lsp.MarkupContent(lsp.MarkupKind.Markdown, text))


def _read(document: TextDocument) -> tuple[Path, AnnotatedProject] | None:
    """Return what is found in a document as it stands in the editor, with the modules that it imports."""
    name = to_fs_path(document.uri)
    if not name or not document.uri.startswith("file:"):
        name = "untitled.py"  # not saved yet
    path = Path(name).resolve()
    try:
        return path, annotate([Path(name)], texts={path: _encoded(document.source)})
    except HpoError:
        return None


def _encoded(text: str) -> bytes:
    """Return a text as it would be saved: in the encoding that it declares."""
    data = text.encode("utf-8", "replace")
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        return data if encoding == "utf-8" else text.encode(encoding)
    except (SyntaxError, UnicodeEncodeError):
        return data  # what is wrong with it is said when it is read


def _publish(ls: LanguageServer, document: TextDocument) -> None:
    found = _read(document)
    own = []
    if found is not None:
        path, project = found
        own = [d for d in project.diagnostics if Path(d.file).resolve() == path]
    codec = ls.workspace.position_codec
    shown = [_diagnostic(codec, document, diagnostic) for diagnostic in own]
    ls.text_document_publish_diagnostics(
        lsp.PublishDiagnosticsParams(uri=document.uri, diagnostics=shown, version=document.version)
    )


def _diagnostic(codec: PositionCodec, document: TextDocument, found: Diagnostic) -> lsp.Diagnostic:
    """Return a diagnostic as the protocol has it: positions from 0, in the editor's units."""
    start = lsp.Position(found.line - 1, found.column - 1)
    end = lsp.Position(found.end_line - 1, found.end_column - 1)
    return lsp.Diagnostic(
        range=codec.range_to_client_units(document.lines, lsp.Range(start, end)),
        message=found.message + (f"\n{found.help}" if found.help else ""),
        severity=_SEVERITIES[found.severity],
        code=found.code,
        source="hpo",
    )


def _site_at(annotated: AnnotatedFile, file: SourceFile, offset: int) -> Site | None:
    """Return the marked place at an offset: its value, its mark, or the only one of its line."""
    for site in annotated.sites:
        if any(span.start <= offset <= span.end for span in (site.span, site.mark)):
            return site
    line = file.line_of(offset)
    here = [site for site in annotated.sites if file.line_of(site.whole.start) == line]
    return here[0] if len(here) == 1 else None


def _explained(project: AnnotatedProject, file: SourceFile, site: Site, path: Path) -> str:
    """Return what a hover shows of a marked place, as Markdown."""
    mark = " ".join(file.segment(site.mark).split())
    lines = [f"**{site.name}**: `{mark}`"]
    for condition in project.space.conditions.get(site.name, ()):
        values = ", ".join(map(repr, condition.values))
        lines.append(f"only where `{condition.parent}` is {values}")
    lines += [f"only where `{c}`" for c in project.space.constraints if site.name in c.names]
    best = _best(path)
    if best is not None and site.name in best[1].parameters:
        name, row, found = best
        value = row.parameters[site.name]
        lines.append(f"best: `{value!r}` (trial {row.number} of {name}, result {found})")
    return "\n\n".join(lines)


def _best(path: Path) -> tuple[str, TrialRow, str] | None:
    """Return of the newest experiment that ran a script its name, its best trial, and what that came to."""
    for directory, row in home.experiments():
        try:
            plan = plan_of(row)
        except StoreError:
            continue
        if isinstance(plan.command, ScriptCommand) and Path(plan.cwd, plan.command.script).resolve() == path:
            with contextlib.closing(Store(directory)) as store:
                best, wanted = store.best(), store.objectives()
            if best is None:
                return None
            return directory.name, best, result(wanted, best.value, best.data)
    return None
