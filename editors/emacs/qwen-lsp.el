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
For example (:suggest (:max_lines 4) :recall (:mode \"eager\")).
Set with `setopt' or Customize they hold at once; after `setq' call
`qwen-lsp-apply-settings'."
  :type 'sexp
  :initialize #'custom-initialize-default
  :set (lambda (symbol value)
         (set-default symbol value)
         (qwen-lsp-apply-settings)))

(defvar eglot-server-programs)
(defvar eglot-workspace-configuration)
(defvar lsp--cur-workspace)

;;; Set-up

(declare-function eglot-current-server "eglot")
(declare-function eglot-signal-didChangeConfiguration "eglot")
(declare-function jsonrpc-request "jsonrpc")
(declare-function lsp-register-client "lsp-mode")
(declare-function make-lsp-client "lsp-mode")
(declare-function lsp-stdio-connection "lsp-mode")
(declare-function lsp-find-workspace "lsp-mode")
(declare-function lsp--workspace-server-id "lsp-mode")
(declare-function lsp-notify "lsp-mode")
(declare-function lsp-request "lsp-mode")
(declare-function lsp-inline-completion-mode "lsp-inline-completion")

(defun qwen-lsp-setup-eglot ()
  "Use the server in `qwen-lsp-modes' with Eglot."
  (require 'eglot)
  (add-to-list 'eglot-server-programs (cons qwen-lsp-modes qwen-lsp-command))
  (qwen-lsp--tell-eglot))

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
  (qwen-lsp--keep-messages)
  (add-hook 'lsp-managed-mode-hook #'lsp-inline-completion-mode))

;;; Messages

(defvar qwen-lsp--answered 'outside
  "In a read from our server, whether an answer was in it that is waited for.")

(defun qwen-lsp--keep-messages ()
  "Lose no message of our server that came in one read with an awaited answer.
lsp-mode 10.0.0 leaves such a read at once (its issue 4323), and an edit that
came behind the answer was lost.  Here the read is finished first."
  (when (and (fboundp 'lsp--create-filter-function) (fboundp 'lsp--parser-on-message))
    (advice-add 'lsp--create-filter-function :around #'qwen-lsp--reader)
    (advice-add 'lsp--parser-on-message :around #'qwen-lsp--take)))

(defun qwen-lsp--reader (create workspace)
  "What CREATE makes to read from WORKSPACE; ours ends a wait when all is read."
  (let ((reader (funcall create workspace)))
    (if (not (qwen-lsp--ours-p workspace))
        reader
      (lambda (process input)
        (let ((qwen-lsp--answered nil))
          (funcall reader process input)
          (when qwen-lsp--answered (throw 'lsp-done t)))))))

(defun qwen-lsp--take (take message workspace)
  "TAKE a MESSAGE of WORKSPACE; of ours, note that it ended a wait."
  (cond ((or (eq qwen-lsp--answered 'outside) (not (qwen-lsp--ours-p workspace)))
         (funcall take message workspace))
        ((catch 'lsp-done (funcall take message workspace) nil)
         (setq qwen-lsp--answered t))))

(defun qwen-lsp--ours-p (workspace)
  "Whether WORKSPACE is lsp-mode's name for our server."
  (eq 'qwen-lsp (lsp--workspace-server-id workspace)))

;;; Settings

(defun qwen-lsp--tell-eglot ()
  "Keep `qwen-lsp-settings' where Eglot looks for what it tells the server."
  (let ((known (default-value 'eglot-workspace-configuration)))
    (when (and (listp known) (or qwen-lsp-settings (plist-member known :qwen_lsp)))
      (setq-default eglot-workspace-configuration
                    (plist-put (copy-sequence known) :qwen_lsp qwen-lsp-settings)))))

(defun qwen-lsp-apply-settings ()
  "Give `qwen-lsp-settings' to the server of this buffer, without a restart."
  (interactive)
  (when (featurep 'eglot)
    (qwen-lsp--tell-eglot)
    (when-let* ((server (eglot-current-server)))
      (eglot-signal-didChangeConfiguration server)))
  (when-let* ((workspace (qwen-lsp--workspace)))
    (let ((lsp--cur-workspace workspace))
      (lsp-notify "workspace/didChangeConfiguration"
                  (list :settings (list :qwen_lsp (qwen-lsp--object qwen-lsp-settings)))))))

(defun qwen-lsp--object (plist)
  "PLIST of plists as a nested hash table, which lsp-mode writes as a JSON object."
  (let ((table (make-hash-table :test 'equal)))
    (while plist
      (let ((key (substring (symbol-name (pop plist)) 1)) (value (pop plist)))
        (puthash key (if (and (consp value) (keywordp (car value))) (qwen-lsp--object value) value) table)))
    table))

;;; Commands

(defun qwen-lsp--workspace ()
  "The server of this buffer in lsp-mode, or nil."
  (and (featurep 'lsp-mode) (lsp-find-workspace 'qwen-lsp (buffer-file-name))))

(defun qwen-lsp--run (command &rest arguments)
  "Run the server's COMMAND with ARGUMENTS; its answer."
  (let ((params (list :command (concat "qwen_lsp." command) :arguments (vconcat arguments)))
        (workspace (qwen-lsp--workspace)))
    (cond (workspace (let ((lsp--cur-workspace workspace)) (lsp-request "workspace/executeCommand" params)))
          ((and (featurep 'eglot) (eglot-current-server))
           (jsonrpc-request (eglot-current-server) :workspace/executeCommand params))
          (t (user-error "qwen-lsp is not running in this buffer; M-x lsp or M-x eglot starts it")))))

(defun qwen-lsp-status ()
  "Say how the engine is and, when nothing was shown lately, why."
  (interactive)
  (message "%s" (qwen-lsp--get (qwen-lsp--run "status") "message")))

(defun qwen-lsp-toggle ()
  "Switch suggestions off, or on again."
  (interactive)
  (message "Suggestions are %s." (if (eq t (qwen-lsp--run "toggle")) "on" "off")))

(defun qwen-lsp-open-page ()
  "Open the page of this machine's host in a browser."
  (interactive)
  (qwen-lsp--run "openPage"))

(defun qwen-lsp--get (object key)
  "KEY of a JSON OBJECT, which is a hash table in lsp-mode and a plist elsewhere."
  (if (hash-table-p object) (gethash key object) (plist-get object (intern (concat ":" key)))))

(defvar lsp-inline-completion--items)
(defvar lsp-inline-completion--current)
(declare-function lsp-inline-completion--active-p "lsp-inline-completion")
(declare-function lsp-inline-completion-accept "lsp-inline-completion")
(declare-function lsp-inline-completion-cancel "lsp-inline-completion")
(declare-function lsp-inline-completion-display "lsp-inline-completion")

(defun qwen-lsp-accept-word ()
  "Take the next word of the suggestion that lsp-mode shows, and show the rest."
  (interactive)
  (qwen-lsp--accept-part "\\`[[:space:]\n]*\\(?:[[:word:]_]+\\|[^[:word:]_[:space:]\n]+\\)"))

(defun qwen-lsp-accept-line ()
  "Take the suggestion that lsp-mode shows to the end of its line."
  (interactive)
  (qwen-lsp--accept-part "\\`\n?[^\n]+"))

(defun qwen-lsp--accept-part (pattern)
  "Take what PATTERN matches of the shown suggestion, and show the rest."
  (unless (lsp-inline-completion--active-p)
    (user-error "No suggestion is shown"))
  (let* ((item (elt lsp-inline-completion--items lsp-inline-completion--current))
         (text (qwen-lsp--get item "insertText"))
         (piece (and (stringp text) (string-match pattern text) (match-string 0 text))))
    (if (or (null piece) (equal piece text))
        (lsp-inline-completion-accept)
      (lsp-inline-completion-cancel)
      (insert piece)
      (when-let* ((command (qwen-lsp--get item "command")))
        (qwen-lsp--run "accepted" (elt (qwen-lsp--get command "arguments") 0) (length piece)))
      (lsp-inline-completion-display 'implicit))))

;; lsp-mode takes a suggestion away before any command that does not say it keeps it.
(put 'qwen-lsp-accept-word 'lsp-inline-completion-keep t)
(put 'qwen-lsp-accept-line 'lsp-inline-completion-keep t)

(provide 'qwen-lsp)
;;; qwen-lsp.el ends here
