"""Every fixed word of the page, in English and in Chinese. `both` puts the two side by side; CSS shows one."""

from __future__ import annotations

from html import escape

WORDS: dict[str, tuple[str, str]] = {
    # the page
    "title": ("qwen-lsp · code workbench", "qwen-lsp · 代码工作台"),
    "tagline": ("Your code model, on your own machine.", "你自己的代码模型，只在你的电脑上运行。"),
    "tab_generate": ("Generate", "生成"),
    "tab_chat": ("Chat", "对话"),
    "tab_compare": ("Compare", "对比"),
    "tab_loop": ("Test loop", "测试循环"),
    "tab_project": ("Project", "项目"),
    "tab_inside": ("Inside the model", "模型内部"),
    "tab_monitor": ("Monitor", "监控"),
    # the engine, in the header
    "engine_ready": ("Ready", "就绪"),
    "engine_loading": ("Loading", "加载中"),
    "engine_failed": ("Failed", "加载失败"),
    "engine_none": ("No model", "无模型"),
    "engine_starter": (
        "starter model: knows a handful of programs",
        "入门模型：只会少量示例程序",
    ),
    "engine_demo": ("demo, no model runs", "示意，不实际推理"),
    "engine_remote": ("code leaves this machine", "代码会离开本机"),
    "seconds_left": ("about {seconds} s left", "约剩 {seconds} 秒"),
    # generate
    "request": ("Request or code", "需求或代码"),
    "request_hint": (
        "Say what the program should do, or paste code. To fill a gap, mark it with <cursor>.",
        "写下程序要做什么，或粘贴代码。要补全空缺，请用 <cursor> 标出位置。",
    ),
    "language": ("Target language", "目标语言"),
    "as_is": ("as the code is", "与代码一致"),
    "mode": ("Mode", "方式"),
    "mode_generate": ("Generate", "生成"),
    "mode_complete": ("Complete at <cursor>", "在 <cursor> 处补全"),
    "go": ("Generate / complete code", "生成/补全代码"),
    "stop": ("Stop", "停止"),
    "examples": ("Examples", "示例"),
    "sampling": ("Sampling", "采样参数"),
    "temperature": ("Temperature", "温度"),
    "temperature_info": ("0 always takes the likeliest token", "0 表示总取最可能的词元"),
    "max_tokens": ("Max tokens", "最大词元数"),
    "top_p": ("Top-p", "Top-p"),
    "top_k": ("Top-k (0 = off)", "Top-k（0 为关闭）"),
    "min_p": ("Min-p (0 = off)", "Min-p（0 为关闭）"),
    "repetition_penalty": ("Repetition penalty", "重复惩罚"),
    "seed": ("Seed (empty = random)", "随机种子（空为随机）"),
    "stop_texts": ("Stop texts, one a line", "停止文本，每行一个"),
    "system_prompt": ("System prompt", "系统提示词"),
    "system_hint": (
        "Empty: ask for code in the target language only",
        "留空：只要求用目标语言给出代码",
    ),
    "more": ("More", "更多"),
    "presets": ("Presets and templates", "预设与模板"),
    "preset": ("Preset", "预设"),
    "preset_name": ("Name", "名称"),
    "save": ("Save", "保存"),
    "delete": ("Delete", "删除"),
    "load": ("Load", "载入"),
    "import": ("Import from a file", "从文件导入"),
    "export": ("Export to a file", "导出到文件"),
    "keep_request": ("Keep the request too (template)", "同时保存需求（模板）"),
    "preset_saved": ("Saved “{name}”.", "已保存“{name}”。"),
    "preset_deleted": ("Deleted “{name}”.", "已删除“{name}”。"),
    "preset_unnamed": ("Give the preset a name first.", "请先给预设起个名字。"),
    "preset_imported": ("{count} presets read.", "已读入 {count} 个预设。"),
    "preset_broken": ("This file holds no presets: {why}", "文件中没有预设：{why}"),
    "prompt_shown": ("The prompt as the model reads it", "模型实际读到的提示词"),
    "prompt_show": ("Show the prompt", "显示提示词"),
    "result": ("Result", "结果"),
    "result_empty": ("The code will be written here.", "代码将写在这里。"),
    "copy": ("Copy", "复制"),
    "copied": ("Copied", "已复制"),
    "download": ("Download", "下载"),
    "request_empty": ("Type a request or paste code first.", "请先输入需求或粘贴代码。"),
    "cursor_missing": (
        "Mark the place to fill with <cursor>, once.",
        "请用 <cursor> 标出要补全的位置（仅一处）。",
    ),
    # how a generation goes
    "phase_idle": ("Idle", "空闲"),
    "phase_queued": ("Queued", "排队中"),
    "phase_reading": ("Reading {done} of {total} tokens", "正在读取 {done} / {total} 个词元"),
    "phase_writing": ("Writing", "正在生成"),
    "phase_done": ("Done", "完成"),
    "phase_length": ("Done: max tokens reached", "完成：已达最大词元数"),
    "phase_stopped": ("Stopped", "已停止"),
    "phase_failed": ("Failed", "出错"),
    "stat_tokens": ("{count} tokens", "{count} 个词元"),
    "stat_speed": ("{rate} tok/s", "{rate} 词元/秒"),
    "stat_first": ("first token {ms} ms", "首词元 {ms} 毫秒"),
    "stat_context": ("context {used} of {window}", "上下文 {used} / {window}"),
    "stat_memory": ("memory {gib} GiB", "内存 {gib} GiB"),
    "stat_cached": ("{count} from cache", "缓存命中 {count}"),
    "greedy": ("greedy", "贪心"),
    "chars": ("{count} characters", "{count} 个字符"),
    # chat
    "chat_say": ("Message", "消息"),
    "chat_hint": ("Ask about code. Ctrl+Enter sends.", "请输入关于代码的问题，Ctrl+Enter 发送。"),
    "chat_send": ("Send", "发送"),
    "chat_empty": (
        "Conversations are kept on this machine only.",
        "对话只保存在这台电脑上。",
    ),
    "chat_list": ("Conversations", "对话记录"),
    "chat_search": ("Search", "搜索"),
    "chat_new": ("New conversation", "新对话"),
    "chat_delete": ("Delete conversation", "删除对话"),
    "chat_erase": ("Erase all", "全部清除"),
    "chat_erase_sure": ("Erase all conversations for good?", "确定永久清除所有对话吗？"),
    "chat_export": ("Export as Markdown", "导出为 Markdown"),
    "chat_retry": ("Try again", "重试"),
    "chat_drop": ("Delete last turn", "删除最后一轮"),
    "chat_older": ("Earlier version", "上一版本"),
    "chat_newer": ("Later version", "下一版本"),
    "chat_version": ("version {at} of {count}", "版本 {at} / {count}"),
    "chat_talk": ("Conversation", "对话内容"),
    "attach": ("Attach files", "附加文件"),
    "attach_folder": ("Folder of your project", "项目文件夹"),
    "attach_files": ("Files and folders to send along", "随消息发送的文件和文件夹"),
    "attach_read": ("List files", "列出文件"),
    "attach_count": ("{count} files can be attached.", "可附加 {count} 个文件。"),
    "attach_bad": ("{why}", "{why}"),
    # monitor
    "monitor_span": ("Period", "时段"),
    "monitor_live": ("Live (10 minutes)", "实时（10 分钟）"),
    "monitor_day": ("Last day", "最近一天"),
    "monitor_lane": ("Lane", "通道"),
    "monitor_count": ("Requests", "请求数"),
    "monitor_first": ("First token p50 / p95", "首词元 p50 / p95"),
    "monitor_total": ("Whole p50 / p95", "总时长 p50 / p95"),
    "monitor_rate": ("Tokens/s", "词元/秒"),
    "monitor_cached": ("Prompt from cache", "提示词缓存命中"),
    "monitor_none": ("Nothing was asked in this period.", "此时段没有请求。"),
    "monitor_requests": ("Requests by lane", "各通道请求"),
    "monitor_gauges": ("Now", "当前"),
    "monitor_suggestions": ("Suggestions in editors", "编辑器建议"),
    "monitor_speed": ("Tokens generated a second", "每秒生成词元"),
    "monitor_wait": ("First token, ms", "首词元，毫秒"),
    "monitor_memory": ("Memory, GiB", "内存，GiB"),
    "lane_inline": ("completion", "补全"),
    "lane_action": ("action", "操作"),
    "lane_chat": ("chat and page", "对话与页面"),
    "lane_warm": ("warm-up", "预热"),
    # inside the model
    "inside_prompt": ("Prompt", "提示词"),
    "inside_go": ("Watch it think", "观察推理过程"),
    "inside_map": ("Experts used: layers down, experts across", "专家使用：纵向为层，横向为专家"),
    "inside_tokens": ("Tokens: darker is surer; click one", "词元：颜色越深越确定；点击查看"),
    "inside_token": ("Token", "词元"),
    "inside_probability": ("probability {share}", "概率 {share}"),
    "inside_others": ("Alternatives", "其他候选"),
    "inside_by_layer": ("Experts by layer", "各层专家"),
    "inside_balance": ("Balance by layer (1 = all experts used alike)", "各层均衡度（1 为完全均衡）"),
    "inside_keep": ("Keep to compare", "保留以对比"),
    "inside_kept": (
        "Kept: {count} tokens. Run another prompt.",
        "已保留 {count} 个词元。请再运行一个提示词。",
    ),
    "inside_alike": ("Routing alike: {share}", "路由相似度：{share}"),
    "inside_export": ("Export as JSON", "导出为 JSON"),
    "inside_no_experts": (
        "This engine does not report its experts; probabilities are shown all the same.",
        "此引擎不报告专家信息，仍会显示概率。",
    ),
    "inside_waiting": ("Start a run to see it.", "运行后在此显示。"),
    # compare
    "compare_prompts": ("Prompts, one a paragraph (blank line between)", "提示词，每段一个（空行分隔）"),
    "compare_columns": ("Columns", "列"),
    "compare_column": ("Column {at}", "第 {at} 列"),
    "compare_repeat": ("Repeat", "重复次数"),
    "compare_go": ("Run", "运行"),
    "compare_same": ("Held constant", "保持不变"),
    "compare_table": ("Results", "结果"),
    "compare_prompt": ("Prompt", "提示词"),
    "compare_tokens": ("Tokens", "词元"),
    "compare_latency": ("Latency, ms", "延迟，毫秒"),
    "compare_speed": ("Tokens/s", "词元/秒"),
    "compare_parses": ("Parses", "语法正确"),
    "compare_yes": ("yes", "是"),
    "compare_no": ("no", "否"),
    "compare_json": ("Export JSON", "导出 JSON"),
    "compare_csv": ("Export CSV", "导出 CSV"),
    "compare_running": ("{done} of {total}", "{done} / {total}"),
    "recipe": ("Roles one after another", "角色接力"),
    "recipe_text": (
        "One role a paragraph: name, colon, what it is asked. {input} is the task, {previous} the answer before.",
        "每段一个角色：名称、冒号、要求。{input} 为任务，{previous} 为上一个回答。",
    ),
    "recipe_go": ("Run the roles", "运行角色"),
    "recipe_task": ("Task", "任务"),
    # the picture
    "picture": ("Architecture", "架构"),
    "picture_own": ("Your own picture: {name}", "你自己的图片：{name}"),
    "picture_waiting": (
        "The picture is drawn when a model is loaded.",
        "模型载入后会在此绘出架构图。",
    ),
    "picture_input": ("Input", "输入"),
    "picture_tokens": ("tokens from {count} words", "词表 {count} 个词元"),
    "picture_encoding": ("Encoding", "编码"),
    "picture_hidden": ("{count} numbers a token", "每词元 {count} 维"),
    "picture_attention": ("Attention", "注意力"),
    "picture_heads": ("{heads} heads share {kv} key-value heads", "{heads} 个头共用 {kv} 个键值头"),
    "picture_routing": ("Expert routing", "专家路由"),
    "picture_topk": ("{topk} of {experts} experts a token", "每词元选 {experts} 个专家中的 {topk} 个"),
    "picture_dense": ("dense feed-forward", "稠密前馈层"),
    "picture_output": ("Output", "输出"),
    "picture_next": ("next token", "下一个词元"),
    "picture_layers": ("{count} layers", "{count} 层"),
    "picture_params": ("{total} parameters, {active} active a token", "参数 {total}，每词元激活 {active}"),
    "picture_context": ("context {count} tokens", "上下文 {count} 词元"),
    "picture_weights": ("weights {size}", "权重 {size}"),
    "picture_kv": ("{size} of KV a token", "每词元 KV {size}"),
    "picture_alt": (
        "From input through encoding, attention and expert routing to output: {layers} layers, {heads} heads, {experts} experts",
        "从输入经编码、注意力与专家路由到输出：{layers} 层，{heads} 个头，{experts} 个专家",
    ),
}

LANGUAGES = ("en", "zh")


def tables() -> dict[str, dict[str, str]]:
    """The table by language tag, as the interface wants it."""
    english = {key: pair[0] for key, pair in WORDS.items()}
    chinese = {key: pair[1] for key, pair in WORDS.items()}
    return {"en": english, "zh": chinese, "zh-CN": chinese}


def both(key: str, **values: object) -> str:
    """The words in both languages as HTML, values escaped; the page's language shows one of them."""
    spans = (
        f'<span lang="{tag}" class="w-{tag}">{escape(text.format(**values))}</span>'
        for tag, text in zip(LANGUAGES, WORDS[key], strict=True)
    )
    return "".join(spans)


def either(key: str, language: str, **values: object) -> str:
    """The words in one language, `zh…` or anything else for English."""
    return WORDS[key][1 if language.lower().startswith("zh") else 0].format(**values)
