"""The chat template: ChatML with tools written as XML, in the form Qwen3-Coder reads and writes."""

CHAT_TEMPLATE = r"""
{%- macro schema(fields, known) -%}
    {%- for key in fields if key not in known -%}
        {%- set value = fields[key] -%}
        {%- set plain = value is string or value is number or value is boolean -%}
        {{- '\n<' ~ key ~ '>' ~ (value if plain else value | tojson) ~ '</' ~ key ~ '>' -}}
    {%- endfor -%}
{%- endmacro -%}

{%- set start = '<|im_start|>' -%}
{%- set end = '<|im_end|>\n' -%}
{%- set has_system = messages and messages[0].role == 'system' -%}

{%- if has_system or tools -%}
    {{- start ~ 'system\n' -}}
    {{- messages[0].content if has_system else 'You are Qwen, a helpful AI assistant that can interact with a computer to solve tasks.' -}}
    {%- if tools -%}
        {{- '\n\n# Tools\n\nYou have access to the following functions:\n\n<tools>' -}}
        {%- for tool in tools -%}
            {%- set tool = tool.function if tool.function is defined else tool -%}
            {{- '\n<function>\n<name>' ~ tool.name ~ '</name>' -}}
            {%- if tool.description is defined -%}
                {{- '\n<description>' ~ tool.description | trim ~ '</description>' -}}
            {%- endif -%}
            {{- '\n<parameters>' -}}
            {%- set wanted = tool.parameters if tool.parameters is defined else {} -%}
            {%- set properties = wanted.properties if wanted.properties is defined else {} -%}
            {%- for name, field in properties.items() -%}
                {{- '\n<parameter>\n<name>' ~ name ~ '</name>' -}}
                {%- if field.type is defined -%}
                    {{- '\n<type>' ~ field.type ~ '</type>' -}}
                {%- endif -%}
                {%- if field.description is defined -%}
                    {{- '\n<description>' ~ field.description | trim ~ '</description>' -}}
                {%- endif -%}
                {{- schema(field, ['name', 'type', 'description']) ~ '\n</parameter>' -}}
            {%- endfor -%}
            {{- schema(wanted, ['type', 'properties']) ~ '\n</parameters>' -}}
            {{- schema(tool, ['type', 'name', 'description', 'parameters']) ~ '\n</function>' -}}
        {%- endfor -%}
        {{- '\n</tools>\n\nTo call a function, answer in exactly this form:\n\n<tool_call>\n<function=name>\n<parameter=name>\nvalue\n</parameter>\n</function>\n</tool_call>' -}}
    {%- endif -%}
    {{- end -}}
{%- endif -%}

{%- for message in (messages[1:] if has_system else messages) -%}
    {%- if message.role == 'tool' -%}
        {%- if loop.previtem is not defined or loop.previtem.role != 'tool' -%}
            {{- start ~ 'user\n' -}}
        {%- endif -%}
        {{- '<tool_response>\n' ~ message.content ~ '\n</tool_response>\n' -}}
        {%- if loop.last or loop.nextitem.role != 'tool' -%}
            {{- end -}}
        {%- endif -%}
    {%- else -%}
        {{- start ~ message.role ~ '\n' -}}
        {%- if message.content is string -%}
            {{- message.content -}}
        {%- endif -%}
        {%- for call in message.tool_calls or [] -%}
            {%- set call = call.function if call.function is defined else call -%}
            {{- '\n<tool_call>\n<function=' ~ call.name ~ '>\n' -}}
            {%- for name, value in (call.arguments or {}).items() -%}
                {{- '<parameter=' ~ name ~ '>\n' ~ (value if value is string else value | tojson) ~ '\n</parameter>\n' -}}
            {%- endfor -%}
            {{- '</function>\n</tool_call>' -}}
        {%- endfor -%}
        {{- end -}}
    {%- endif -%}
{%- endfor -%}

{%- if add_generation_prompt -%}
    {{- start ~ 'assistant\n' -}}
{%- endif -%}
""".strip()
