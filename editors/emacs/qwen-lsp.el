;;; qwen-lsp.el --- Code suggestions from your own machine -*- lexical-binding: t -*-

;; Package-Requires: ((emacs "29.1"))
;; SPDX-License-Identifier: Apache-2.0

;;; Commentary:

;; Registers `qwen-lsp' with Eglot and with lsp-mode.
;;
;;   (add-to-list 'load-path "/path/to/this/repository/editors/emacs")
;;   (require 'qwen-lsp)
;;   (qwen-lsp-setup-eglot)      ; suggestions as completion items, code actions
;;   (qwen-lsp-setup-lsp-mode)   ; ghost text as well, beside other servers
;;
;; Eglot runs one server per buffer, so there it takes the place of another one.

;;; Code:

(defgroup qwen-lsp nil
  "Code suggestions from your own machine."
  :group 'tools)

(defcustom qwen-lsp-command '("qwen-lsp" "lsp")
  "Program and arguments of the language server."
  :type '(repeat string))

(defcustom qwen-lsp-modes
  '(python-mode python-ts-mode js-mode js-ts-mode typescript-ts-mode tsx-ts-mode c-mode c-ts-mode c++-mode
    c++-ts-mode java-mode java-ts-mode go-mode go-ts-mode rust-mode rust-ts-mode ruby-mode sh-mode emacs-lisp-mode)
  "Modes in which Eglot uses the server."
  :type '(repeat symbol))

(defcustom qwen-lsp-settings nil
  "Settings as a nested plist: section, then option, as in docs/settings.md.
For example (:suggest (:max_lines 4) :recall (:mode \"eager\"))."
  :type 'sexp)

(defvar eglot-server-programs)
(defvar eglot-workspace-configuration)

(defun qwen-lsp-setup-eglot ()
  "Use the server in `qwen-lsp-modes' with Eglot."
  (require 'eglot)
  (add-to-list 'eglot-server-programs (cons qwen-lsp-modes qwen-lsp-command))
  (when qwen-lsp-settings
    (setq-default eglot-workspace-configuration
                  (plist-put (and (listp eglot-workspace-configuration)
                                  (default-value 'eglot-workspace-configuration))
                             :qwen_lsp qwen-lsp-settings))))

(declare-function lsp-register-client "lsp-mode")
(declare-function make-lsp-client "lsp-mode")
(declare-function lsp-stdio-connection "lsp-mode")
(declare-function lsp-inline-completion-mode "lsp-inline-completion")

(defun qwen-lsp-setup-lsp-mode ()
  "Use the server beside others with lsp-mode, with ghost text."
  (require 'lsp-mode)
  (require 'lsp-inline-completion)
  (lsp-register-client
   (make-lsp-client
    :new-connection (lsp-stdio-connection (lambda () qwen-lsp-command))
    :activation-fn (lambda (file-name _mode) (and file-name t))
    :initialization-options (lambda () (qwen-lsp--object qwen-lsp-settings))
    :add-on? t
    :priority -2
    :server-id 'qwen-lsp))
  (add-hook 'lsp-managed-mode-hook #'lsp-inline-completion-mode))

(defun qwen-lsp--object (plist)
  "PLIST of plists as a nested hash table, which lsp-mode writes as a JSON object."
  (let ((table (make-hash-table :test 'equal)))
    (while plist
      (let ((key (substring (symbol-name (pop plist)) 1)) (value (pop plist)))
        (puthash key (if (and (consp value) (keywordp (car value))) (qwen-lsp--object value) value) table)))
    table))

(provide 'qwen-lsp)
;;; qwen-lsp.el ends here
