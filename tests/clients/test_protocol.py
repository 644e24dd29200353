"""pytest-lsp: every message of the server is read with types made from the protocol's own model,
with the capabilities that real editors were recorded to have."""

import asyncio
import os
import pathlib

import pytest
import pytest_lsp
from lsprotocol import types
from pytest_lsp import ClientServerConfig, LanguageClient, client_capabilities

SERVER = os.environ["SERVER"]
WORKSPACE = pathlib.Path(os.environ["WORKSPACE"])
FILE = WORKSPACE / "breakdown.md"
URI = FILE.resolve().as_uri()
TEXT = FILE.read_text()
WHOLE = types.Range(start=types.Position(line=0, character=0), end=types.Position(line=999, character=0))
DOCUMENT = types.TextDocumentIdentifier(uri=URI)


@pytest_lsp.fixture(
    config=ClientServerConfig(server_command=[SERVER, "serve"]),
    params=["visual-studio-code@1.65.2", "neovim@0.11.0", "emacs@29.1"],
)
async def client(request, lsp_client: LanguageClient):
    for method in ("inlayHint", "codeLens", "semanticTokens"):
        lsp_client.feature(f"workspace/{method}/refresh")(lambda *_: None)
    for method in ("progress", "escalation", "result"):
        lsp_client.feature(f"execution/{method}")(lambda *_: None)
    capabilities = client_capabilities(request.param)
    result = await lsp_client.initialize_session(
        types.InitializeParams(capabilities=capabilities, root_uri=WORKSPACE.resolve().as_uri(), process_id=os.getpid())
    )
    lsp_client.server = result
    lsp_client.text_document_did_open(
        types.DidOpenTextDocumentParams(types.TextDocumentItem(uri=URI, language_id="markdown", version=1, text=TEXT))
    )
    yield
    await lsp_client.shutdown_session()


def position(piece: str, skip: int = 0) -> types.Position:
    at = TEXT.index(piece) + skip
    line = TEXT[:at].count("\n")
    return types.Position(line=line, character=at - (TEXT[:at].rfind("\n") + 1))


@pytest.mark.asyncio
async def test_every_request_is_answered_in_the_protocols_types(client: LanguageClient):
    at = dict(text_document=DOCUMENT, position=position("Tasks 2, 3", 6))
    symbols = await client.text_document_document_symbol_async(types.DocumentSymbolParams(DOCUMENT))
    assert symbols
    lenses = await client.text_document_code_lens_async(types.CodeLensParams(DOCUMENT))
    assert any("Run" in lens.command.title for lens in lenses)
    assert (await client.text_document_hover_async(types.HoverParams(**at))).contents.kind == types.MarkupKind.Markdown
    assert len(await client.text_document_definition_async(types.DefinitionParams(**at))) == 1
    references = types.ReferenceParams(context=types.ReferenceContext(include_declaration=True), **at)
    assert len(await client.text_document_references_async(references)) == 2
    assert await client.text_document_document_highlight_async(types.DocumentHighlightParams(**at))
    assert await client.text_document_prepare_rename_async(types.PrepareRenameParams(**at))
    assert await client.text_document_rename_async(types.RenameParams(new_name="9", **at))
    assert await client.text_document_folding_range_async(types.FoldingRangeParams(DOCUMENT))
    selection = types.SelectionRangeParams(text_document=DOCUMENT, positions=[at["position"]])
    assert await client.text_document_selection_range_async(selection)
    await client.text_document_document_link_async(types.DocumentLinkParams(DOCUMENT))
    await client.text_document_completion_async(types.CompletionParams(**at))
    assert (await client.text_document_semantic_tokens_full_async(types.SemanticTokensParams(DOCUMENT))).data
    items = await client.text_document_prepare_call_hierarchy_async(types.CallHierarchyPrepareParams(**at))
    assert await client.call_hierarchy_incoming_calls_async(types.CallHierarchyIncomingCallsParams(item=items[0]))
    assert await client.call_hierarchy_outgoing_calls_async(types.CallHierarchyOutgoingCallsParams(item=items[0])) is not None
    assert await client.workspace_symbol_async(types.WorkspaceSymbolParams(query="ship"))
    actions = types.CodeActionParams(text_document=DOCUMENT, range=WHOLE, context=types.CodeActionContext(diagnostics=[]))
    assert await client.text_document_code_action_async(actions)


@pytest.mark.asyncio
async def test_a_mistake_shows_and_goes(client: LanguageClient):
    broken = TEXT.replace("Tasks 2, 3", "Tasks 2, 33")
    change = types.TextDocumentContentChangeWholeDocument(text=broken)
    versioned = types.VersionedTextDocumentIdentifier(uri=URI, version=2)
    client.text_document_did_change(types.DidChangeTextDocumentParams(versioned, [change]))
    while not any(d.code == "unknown-reference" for d in client.diagnostics.get(URI, [])):
        await client.wait_for_notification(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
    versioned = types.VersionedTextDocumentIdentifier(uri=URI, version=3)
    change = types.TextDocumentContentChangeWholeDocument(text=TEXT)
    client.text_document_did_change(types.DidChangeTextDocumentParams(versioned, [change]))
    while any(d.code == "unknown-reference" for d in client.diagnostics.get(URI, [])):
        await client.wait_for_notification(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)


@pytest.mark.asyncio
async def test_the_status_changes_by_itself(client: LanguageClient):
    async def hints():
        found = await client.text_document_inlay_hint_async(types.InlayHintParams(text_document=DOCUMENT, range=WHOLE))
        return [hint.label for hint in found or []]

    gate = WORKSPACE / "go"
    gate.unlink(missing_ok=True)
    command = types.ExecuteCommandParams(command="execution-coordinator.run", arguments=[URI])
    started = await client.workspace_execute_command_async(command)
    assert started["execution"]
    while not any("●" in label for label in await hints()):
        await asyncio.sleep(0.05)
    assert all(len(label) < 40 for label in await hints())
    gate.touch()
    while not all("✔" in label for label in await hints()):
        await asyncio.sleep(0.05)
    # The next client begins again.
    for folder in (WORKSPACE / ".execution-coordinator").iterdir():
        if (folder / "journal.jsonl").exists():
            (folder / "journal.jsonl").rename(folder / "journal.old")
