//! The Model Context Protocol on stdio: the same methods as tools, for clients of language models.
//!
//! rmcp speaks the protocol, in its revisions with a handshake and without one. What is started
//! here is carried out by the daemon of the workspace: a model's client comes and goes, and a
//! caller that cancels has left, no more.

pub mod prompts;
pub mod resources;
pub mod tools;
mod wait;

use crate::core::decider::Frontend;
use crate::engine::coordinator::Coordinator;
use crate::rpc::peer::{Caller, Client, Peer};
use crate::rpc::table::Table;
use resources::{Changes, Subscriptions};
use rmcp::model::*;
use rmcp::service::{RequestContext, RoleServer, SubscriptionContext};
use rmcp::task_manager::TaskManager;
use rmcp::{ErrorData, ServerHandler, ServiceExt};
use serde_json::Value;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use wait::Asked;

/// What a model is told of the whole.
const INSTRUCTIONS: &str = "Carries out task breakdowns (Markdown) with coding agents in parallel, behind quality gates. \
    To execute one: execution_start with its path, then execution_await again and again until `ended`, then pass on the report's Markdown unchanged. \
    execution_status says where it stands. Where `status.nextActions` asks for a decision, a person has to make it. \
    To do work yourself that is offered to clients: task_claim, then task_report.";

/// Serves one client until its input ends.
pub async fn run(
    table: Arc<Table>,
    coordinator: Arc<Coordinator>,
    input: impl AsyncRead + Send + Unpin + 'static,
    output: impl AsyncWrite + Send + Unpin + 'static,
) {
    let peer = Peer::unheard(Client::Model);
    coordinator.follow();
    let caller = Caller { coordinator, peer: peer.clone(), asked: None };
    let server = Server(Arc::new(Inner {
        tools: tools::all(&table),
        table,
        caller,
        subscriptions: Subscriptions::default(),
        tasks: TaskManager::new(),
        asked: Asked::default(),
    }));
    // One that leaves before it has said anything is no failure.
    if let Ok(service) = server.serve((input, output)).await {
        let _ = service.waiting().await;
    }
    peer.close();
}

/// One client. Cheap to clone.
#[derive(Clone)]
struct Server(Arc<Inner>);

struct Inner {
    tools: Vec<Tool>,
    table: Arc<Table>,
    caller: Caller,
    subscriptions: Subscriptions,
    tasks: TaskManager,
    asked: Asked,
}

/// Whether something was refused only because nobody said that it may be started here.
fn is_untrusted(error: &jsonrpc_core::Error) -> bool {
    error.data.as_ref().is_some_and(|data| data["kind"] == "untrusted")
}

impl Inner {
    /// Calls a method, and says what it gave as a tool does.
    async fn call(&self, method: &str, arguments: Value) -> CallToolResult {
        tools::result(method, self.table.call(method, Some(arguments), self.caller.clone()).await)
    }

    /// The same for a person, who was asked.
    async fn call_for_person(&self, method: &str, arguments: Value) -> CallToolResult {
        let caller = Caller { asked: Some(Frontend::Mcp), ..self.caller.clone() };
        tools::result(method, self.table.call(method, Some(arguments), caller).await)
    }
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_resources()
            .enable_resources_subscribe()
            .enable_prompts()
            .enable_tasks()
            .build();
        let program = Implementation::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
        ServerConfig::new(capabilities).with_server_info(program).with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(self.0.tools.clone()))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.0.tools.iter().find(|tool| tool.name == name).cloned()
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let Some(method) = tools::method_of(&self.0.tools, &request.name) else {
            return Err(ErrorData::invalid_params(
                format!("there is no tool `{}`", request.name),
                None,
            ));
        };
        let arguments = request.arguments.unwrap_or_default();
        if method == "execution/await" {
            return Ok(wait::call(&self.0, arguments, &context).await);
        }
        if let Some(decided) = wait::decided(&self.0, &method, &arguments, &context).await {
            return Ok(decided.into());
        }
        let call = || {
            self.0.table.call(
                &method,
                Some(Value::Object(arguments.clone())),
                self.0.caller.clone(),
            )
        };
        let mut answer = call().await;
        if answer.as_ref().is_err_and(is_untrusted) && wait::trusts(&self.0, &context).await {
            answer = call().await;
        }
        Ok(tools::result(&method, answer).into())
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        Ok(ListResourcesResult::with_all_items(resources::all(&self.0.caller).await))
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        Ok(ListResourceTemplatesResult::with_all_items(resources::templates()))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let (text, kind) = resources::read(&self.0.caller, &request.uri).await?;
        let contents = ResourceContents::text(text, request.uri).with_mime_type(kind);
        Ok(ReadResourceResult::new(vec![contents]).into())
    }

    async fn subscribe(
        &self,
        request: SubscribeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.0.subscriptions.add(&self.0.caller, request.uri, context.peer).await
    }

    async fn unsubscribe(
        &self,
        request: UnsubscribeRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.0.subscriptions.remove(&request.uri);
        Ok(())
    }

    fn accepted_subscription_filter(
        &self,
        requested: &SubscriptionFilter,
    ) -> Option<SubscriptionFilter> {
        Some(requested.clone())
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let uris = context.accepted().resource_subscriptions.clone().unwrap_or_default();
        let mut changes = Changes::subscribe(self.0.caller.clone(), uris).await?;
        loop {
            let changed = tokio::select! {
                changed = changes.next() => changed,
                () = context.cancelled() => None,
            };
            let Some(uri) = changed else { return Ok(()) };
            if context.sink().notify_resource_updated(uri).await.is_err() {
                return Ok(());
            }
        }
    }

    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        Ok(ListPromptsResult::with_all_items(prompts::all()))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        let text = prompts::text(&request.name, &request.arguments.unwrap_or_default())?;
        Ok(GetPromptResult::new(vec![PromptMessage::new_text(Role::User, text)]).into())
    }

    async fn get_task(
        &self,
        request: GetTaskParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetTaskResult, ErrorData> {
        self.0.tasks.get_task(&request.task_id).map(GetTaskResult::new)
    }

    async fn update_task(
        &self,
        request: UpdateTaskParams,
        _: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.0.tasks.update_task(&request.task_id, request.input_responses)
    }

    async fn cancel_task(
        &self,
        request: CancelTaskParams,
        _: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.0.tasks.cancel_task(&request.task_id)
    }
}
