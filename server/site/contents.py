"""The table of contents: which pages there are, in which order, under which heading."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Page:
    """A page of Markdown: ``slug`` is its path under /docs/ and the name of its file in docs/. One that
    has no file is left out."""

    slug: str
    title: str
    chinese: str
    group: str

    @property
    def path(self) -> str:
        return f"/docs/{self.slug}"


PAGES: Final = (
    Page("quickstart", "Quick start", "快速开始", "start"),
    Page("clients", "Desktop clients", "桌面客户端", "start"),
    Page("console", "Console", "控制台", "start"),
    Page("playbooks", "Playbooks", "平台手册", "guides"),
    Page("tutorials", "Tutorials", "教程", "guides"),
    Page("cookbook", "Cookbook", "实例", "guides"),
    Page("prompts", "Prompts", "提示词", "guides"),
    Page("audio", "Audio", "音频", "capabilities"),
    Page("batches", "Batches", "批处理", "capabilities"),
    Page("images", "Images", "图片", "capabilities"),
    Page("videos", "Videos", "视频", "capabilities"),
    Page("payments", "Payments", "支付", "trust"),
    Page("receipts", "Receipts", "收据", "trust"),
    Page("traces", "Traces", "追踪", "trust"),
    Page("http", "HTTP routes", "HTTP 接口", "reference"),
    Page("tools", "MCP tools", "MCP 工具", "reference"),
    Page("errors", "Errors", "错误", "reference"),
    Page("cli", "Command line", "命令行", "reference"),
    Page("configuration", "Configuration", "配置", "reference"),
    Page("operations", "Operations", "运维", "operate"),
    Page("sglang", "SGLang", "SGLang", "operate"),
    Page("performance", "Performance", "性能", "operate"),
    Page("architecture", "Architecture", "架构", "operate"),
)
GROUPS: Final = ("start", "guides", "capabilities", "trust", "reference", "operate")
