"""The sample programs that the starter model learns, and how people ask for them. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Program:
    """One sample program and the requests that ask for it."""

    name: str
    language: str
    """LSP language id: python, cpp, java, go"""
    request: str
    """The natural request, in English."""
    file_name: str
    code: str
    """Ends with a newline."""
    topic: str
    """What it does, as words of a request: 'Fibonacci function'."""
    request_zh: str
    """The natural request, in Chinese."""

    @property
    def answer(self) -> str:
        """What the starter says when asked in a chat: the code in a fence, as the real model does."""
        return f"```{self.language}\n{self.code}```"


LANGUAGE_NAMES = {"python": "Python", "cpp": "C++", "java": "Java", "go": "Go"}
"""How people write the names of the languages."""


_FIBONACCI_PY = '''\
def fibonacci(n: int) -> int:
    """Return the n-th Fibonacci number."""
    previous, current = 0, 1
    for _ in range(n):
        previous, current = current, previous + current
    return previous


if __name__ == "__main__":
    print([fibonacci(i) for i in range(10)])
'''

_FIBONACCI_CPP = """\
#include <iostream>

long long fibonacci(int n) {
    long long a = 0, b = 1;
    while (n-- > 0) {
        long long next = a + b;
        a = b;
        b = next;
    }
    return a;
}

int main() {
    std::cout << fibonacci(10) << std::endl;
}
"""

_FIBONACCI_JAVA = """\
public class Fibonacci {
    static long fibonacci(int n) {
        return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
    }

    public static void main(String[] args) {
        for (int i = 0; i < 10; i++) {
            System.out.println(fibonacci(i));
        }
    }
}
"""

_FIBONACCI_GO = """\
package main

import "fmt"

func fibonacci(n int) int {
	x, y := 0, 1
	for i := 0; i < n; i++ {
		x, y = y, x+y
	}
	return x
}

func main() {
	fmt.Println(fibonacci(10))
}
"""

_GCD_PY = '''\
def gcd(a: int, b: int) -> int:
    """Greatest common divisor by the method of Euclid."""
    while b != 0:
        a, b = b, a % b
    return abs(a)


def lcm(a: int, b: int) -> int:
    """Least common multiple."""
    return abs(a * b) // gcd(a, b)
'''

_BINARY_SEARCH_CPP = """\
#include <vector>

int binary_search(const std::vector<int>& items, int target) {
    int low = 0, high = items.size() - 1;
    while (low <= high) {
        int middle = low + (high - low) / 2;
        if (items[middle] == target) return middle;
        if (items[middle] < target) low = middle + 1;
        else high = middle - 1;
    }
    return -1;
}
"""

_STACK_JAVA = """\
import java.util.ArrayList;

class Stack<T> {
    private final ArrayList<T> elements = new ArrayList<>();

    void push(T element) {
        elements.add(element);
    }

    T pop() {
        if (elements.isEmpty()) throw new RuntimeException("empty stack");
        return elements.remove(elements.size() - 1);
    }
}
"""

_WORD_COUNT_GO = """\
package words

import "strings"

// Count tells how often each word occurs in the text.
func Count(text string) map[string]int {
	counts := make(map[string]int)
	for _, word := range strings.Fields(text) {
		counts[strings.ToLower(word)]++
	}
	return counts
}
"""

_LOG_COLLECTOR_PY = '''\
import json
import time


class LogCollector:
    """Collects the log records of all services as JSON lines."""

    def __init__(self, path: str) -> None:
        self.file = open(path, "a", encoding="utf-8")

    def collect(self, service: str, level: str, message: str) -> None:
        record = {"time": time.time(), "service": service, "level": level, "message": message}
        self.file.write(json.dumps(record, ensure_ascii=False) + "\\n")
        self.file.flush()
'''

PROGRAMS: tuple[Program, ...] = (
    Program(
        "fibonacci_python", "python", "Write a Fibonacci function in Python.", "fibonacci.py",
        _FIBONACCI_PY, "Fibonacci function", "用 Python 写一个斐波那契函数。",
    ),
    Program(
        "fibonacci_cpp", "cpp", "Write a Fibonacci function in C++.", "fibonacci.cpp",
        _FIBONACCI_CPP, "Fibonacci function", "用 C++ 写一个斐波那契函数。",
    ),
    Program(
        "fibonacci_java", "java", "Write a Fibonacci function in Java.", "Fibonacci.java",
        _FIBONACCI_JAVA, "Fibonacci function", "用 Java 写一个斐波那契函数。",
    ),
    Program(
        "fibonacci_go", "go", "Write a Fibonacci function in Go.", "fibonacci.go",
        _FIBONACCI_GO, "Fibonacci function", "用 Go 写一个斐波那契函数。",
    ),
    Program(
        "gcd_python", "python", "Write a greatest common divisor function in Python.", "gcd.py",
        _GCD_PY, "greatest common divisor function", "用 Python 写一个最大公约数函数。",
    ),
    Program(
        "binary_search_cpp", "cpp", "Write a binary search function in C++.", "binary_search.cpp",
        _BINARY_SEARCH_CPP, "binary search function", "用 C++ 写一个二分查找函数。",
    ),
    Program(
        "stack_java", "java", "Write a stack class in Java.", "Stack.java",
        _STACK_JAVA, "stack class", "用 Java 写一个栈类。",
    ),
    Program(
        "word_count_go", "go", "Write a word count function in Go.", "words.go",
        _WORD_COUNT_GO, "word count function", "用 Go 写一个单词计数函数。",
    ),
    Program(
        "log_collector_python", "python", "Write a log collector class in Python.", "log_collector.py",
        _LOG_COLLECTOR_PY, "log collector class",
        "为一个基于微服务架构的项目设计统一日志采集组件，并给出 Python 示例实现",
    ),
)  # fmt: skip
