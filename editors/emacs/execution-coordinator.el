;;; execution-coordinator.el --- Task breakdowns that run, with their status inline  -*- lexical-binding: t; -*-

;; Version: 0.1.0
;; Package-Requires: ((emacs "28.1") (eglot "1.9"))
;; Keywords: tools, convenience
;; SPDX-License-Identifier: MIT OR Apache-2.0

;;; Commentary:

;; (require 'execution-coordinator)
;; (execution-coordinator-setup)
;;
;; Then `M-x eglot', or `M-x lsp' of lsp-mode, in a breakdown: every task shows its state at the end of its line and
;; changes while it runs. Neither refreshes hints by itself, so they are made here from what the server tells.
;; `M-x execution-coordinator-run', `-pause', `-resume', `-cancel', `-retry', `-skip', `-approve', `-reject',
;; `-output', `-report', `-next' do the rest.

;;; Code:

(require 'cl-lib)
(require 'eglot)
(require 'subr-x)
(require 'url-util)

(defvar lsp--cur-workspace)
(defvar lsp-language-id-configuration)
(declare-function lsp-find-workspace "ext:lsp-mode")
(declare-function lsp-request "ext:lsp-mode")
(declare-function lsp-request-async "ext:lsp-mode")
(declare-function lsp-register-client "ext:lsp-mode")
(declare-function lsp-stdio-connection "ext:lsp-mode")
(declare-function lsp-activate-on "ext:lsp-mode")
(declare-function lsp-inlay-hints-mode "ext:lsp-mode")
(declare-function make-lsp-client "ext:lsp-mode")
(declare-function lsp--workspace-status "ext:lsp-mode")

(defgroup execution-coordinator nil "Task breakdowns that run." :group 'tools)

(defcustom execution-coordinator-command '("execution-coordinator" "serve")
  "The language server, program and arguments." :type '(repeat string))

(defcustom execution-coordinator-open-report t
  "Whether the report opens when what was started here ends." :type 'boolean)

(defvar execution-coordinator--boards (make-hash-table :test #'equal)
  "How executions stand, by the file of their breakdown.")
(defvar execution-coordinator--asking (make-hash-table :test #'equal)
  "Executions that are being asked about, and whether they have changed since.")
(defvar execution-coordinator--started nil "Breakdowns that were started here.")
(defvar execution-coordinator-changed-hook nil "Run with a board whenever something has changed.")

(defconst execution-coordinator--faces
  '(("running" . font-lock-keyword-face) ("done" . success) ("failed" . error) ("blocked" . warning)))

;;;###autoload
(defun execution-coordinator-setup ()
  "Make Eglot use the server for Markdown."
  (add-to-list 'eglot-server-programs
               (cons '(markdown-mode gfm-mode markdown-ts-mode) execution-coordinator-command))
  (add-to-list 'mode-line-misc-info '(:eval (execution-coordinator-mode-line)) t)
  (add-hook 'eglot-managed-mode-hook #'execution-coordinator--managed))

(defun execution-coordinator--managed ()
  "Ask for how the breakdown of this buffer stands.
Hints are ours, so that they change live."
  (when-let ((server (execution-coordinator--server)))
    (when (bound-and-true-p eglot-inlay-hints-mode) (eglot-inlay-hints-mode -1))
    (when (bound-and-true-p lsp-inlay-hints-mode) (lsp-inlay-hints-mode -1))
    (execution-coordinator--request-async
     server :execution/list nil
     (lambda (answer)
       (seq-doseq (row (plist-get answer :executions))
         (when (get-file-buffer (plist-get row :breakdown))
           (execution-coordinator--refresh server (plist-get row :execution)))))
     #'ignore)))

(defun execution-coordinator--server ()
  "The server of this buffer, where it is ours: Eglot's, or lsp-mode's."
  (let ((server (eglot-current-server)))
    (cond
     ((and server (seq-contains-p (plist-get (eglot--server-capable :executeCommandProvider) :commands) "execution-coordinator.run"))
      server)
     ((and (bound-and-true-p lsp-mode) buffer-file-name)
      (let ((server (lsp-find-workspace 'execution-coordinator buffer-file-name)))
        (and server (execution-coordinator--alive-p server) server))))))

(defun execution-coordinator--alive-p (server)
  "Whether SERVER still answers."
  (if (cl-typep server 'jsonrpc-connection)
      (jsonrpc-running-p server)
    (eq (lsp--workspace-status server) 'initialized)))

(defconst execution-coordinator--timeout-s 10 "How long an answer may take, in seconds.")

(defun execution-coordinator--request (server method params)
  "Ask SERVER the METHOD with PARAMS; what it refuses is an error."
  (let (answer refused)
    (execution-coordinator--request-async
     server method params
     (lambda (given) (setq answer (list given)))
     (lambda (&optional why) (setq refused (or (plist-get why :message) (format "%s was not answered" method)))))
    (while (not (or answer refused)) (accept-process-output nil 0.05))
    (when refused (user-error "%s" refused))
    (car answer)))

(defun execution-coordinator--request-async (server method params done failed)
  "Ask SERVER the METHOD with PARAMS.
Call DONE with the answer, or FAILED with an error, or with nothing where no answer comes."
  (if (cl-typep server 'jsonrpc-connection)
      (jsonrpc-async-request server method params :success-fn done :error-fn failed :timeout-fn failed
                             :timeout execution-coordinator--timeout-s)
    ;; It loses an answer that comes together with one that somebody waits for.
    (let* ((lsp--cur-workspace server)
           (late (run-with-timer execution-coordinator--timeout-s nil failed)))
      (lsp-request-async (substring (symbol-name method) 1) params
                         (lambda (answer)
                           (cancel-timer late)
                           (funcall done (execution-coordinator--plist answer)))
                         :mode 'detached
                         :error-handler (lambda (why)
                                          (cancel-timer late)
                                          (funcall failed (execution-coordinator--plist why)))))))

(defun execution-coordinator--plist (answer)
  "An ANSWER of lsp-mode, which has hash tables, as Eglot would give it."
  (cond
   ((hash-table-p answer)
    (let (plist)
      (maphash (lambda (key value)
                 (setq plist (nconc (list (intern (concat ":" key)) (execution-coordinator--plist value)) plist)))
               answer)
      plist))
   ((vectorp answer) (vconcat (mapcar #'execution-coordinator--plist answer)))
   ((consp answer) (mapcar #'execution-coordinator--plist answer))
   (t answer)))

(defun execution-coordinator--board ()
  "How the breakdown of this buffer stands."
  (and buffer-file-name (gethash (file-truename buffer-file-name) execution-coordinator--boards)))

(defun execution-coordinator--refresh (server execution)
  "Ask SERVER how EXECUTION stands; once more where it has changed meanwhile."
  (if (gethash execution execution-coordinator--asking)
      (puthash execution 'again execution-coordinator--asking)
    (puthash execution 'once execution-coordinator--asking)
    (let ((ended (lambda (&rest _)
                   (let ((again (eq (gethash execution execution-coordinator--asking) 'again)))
                     (remhash execution execution-coordinator--asking)
                     (when (and again (execution-coordinator--alive-p server))
                       (execution-coordinator--refresh server execution))))))
      (execution-coordinator--request-async
       server :task/list (list :execution execution)
       (lambda (board)
         ;; The latest of a breakdown is the one that is shown.
         (let ((known (gethash (plist-get board :breakdown) execution-coordinator--boards)))
           (when (or (null known) (>= (plist-get board :startedAt) (plist-get known :startedAt)))
             (puthash (plist-get board :breakdown) board execution-coordinator--boards)))
         (when-let ((buffer (get-file-buffer (plist-get board :breakdown))))
           (with-current-buffer buffer (execution-coordinator--show server board))
           ;; Times go on while something runs.
           (when (eq (plist-get board :running) t)
             (run-with-timer 1 nil #'execution-coordinator--tick server execution board)))
         (run-hook-with-args 'execution-coordinator-changed-hook board)
         (funcall ended))
       ended))))

(defun execution-coordinator--tick (server execution board)
  "Ask SERVER again for EXECUTION, unless that was done since BOARD."
  (when (and (eq board (gethash (plist-get board :breakdown) execution-coordinator--boards))
             (get-file-buffer (plist-get board :breakdown))
             (execution-coordinator--alive-p server))
    (execution-coordinator--refresh server execution)))

(defun execution-coordinator--show (server board)
  "Show BOARD beside the lines of this buffer, whose symbols SERVER knows."
  (let ((buffer (current-buffer)))
    (execution-coordinator--request-async
     server :textDocument/documentSymbol (list :textDocument (list :uri (execution-coordinator--uri)))
     (lambda (symbols)
       (when (buffer-live-p buffer)
         (with-current-buffer buffer
           (execution-coordinator--paint board (execution-coordinator--lines symbols))
           (force-mode-line-update))))
     #'ignore)))

(defun execution-coordinator--uri ()
  "The URI of this buffer's file."
  (concat "file://" (mapconcat #'url-hexify-string (split-string (file-truename buffer-file-name) "/") "/")))

(defun execution-coordinator--lines (symbols &optional lines)
  "The lines of tasks and streams in SYMBOLS, by id, added to LINES."
  (let ((lines (or lines (make-hash-table :test #'equal))))
    (seq-doseq (symbol symbols)
      (let ((id (car (split-string (plist-get symbol :name)))) (range (plist-get symbol :selectionRange)))
        (unless (gethash id lines)
          (puthash id (plist-get (plist-get range :start) :line) lines))
        (execution-coordinator--lines (plist-get symbol :children) lines)))
    lines))

(defun execution-coordinator--paint (board lines)
  "Put the labels of BOARD at the ends of LINES."
  (save-restriction
    (widen)
    (remove-overlays (point-min) (point-max) 'execution-coordinator t)
    (save-excursion
      (seq-doseq (task (plist-get board :tasks))
        (when-let ((line (gethash (plist-get task :id) lines)))
          (goto-char (point-min))
          (forward-line line)
          (let ((overlay (make-overlay (line-end-position) (line-end-position) nil t))
                (face (alist-get (plist-get task :look) execution-coordinator--faces 'shadow nil #'equal)))
            (overlay-put overlay 'execution-coordinator t)
            (overlay-put overlay 'after-string
                         (propertize (concat "  " (plist-get task :label)) 'face face
                                     'help-echo (string-join (append (plist-get task :more) nil) "\n")))))))))

(defun execution-coordinator-mode-line ()
  "How far the breakdown of this buffer is."
  (if-let ((board (execution-coordinator--board)))
      (let* ((tasks (append (plist-get board :tasks) nil))
             (count (lambda (look) (cl-count look tasks :key (lambda (task) (plist-get task :look)) :test #'equal)))
             (failed (funcall count "failed")))
        (format " [%s %d/%d%s]"
                (cond ((> failed 0) "✘") ((eq (plist-get board :running) t) "●") ((equal (plist-get board :state) "Complete") "✔") (t "‖"))
                (+ (funcall count "done") (funcall count "skipped")) (length tasks)
                (if (> failed 0) (format " %d failed" failed) "")))
    ""))

(cl-defmethod eglot-handle-notification (server (_method (eql execution/progress)) &key execution &allow-other-keys)
  "An EXECUTION of SERVER has gone on."
  (execution-coordinator--refresh server execution))

(cl-defmethod eglot-handle-notification (server (_method (eql execution/escalation)) &key execution &allow-other-keys)
  "Somebody is needed for an EXECUTION of SERVER."
  (execution-coordinator--refresh server execution))

(cl-defmethod eglot-handle-notification (server (_method (eql execution/result)) &key execution report markdown &allow-other-keys)
  "An EXECUTION of SERVER has ended with a REPORT, in words MARKDOWN."
  (execution-coordinator--ended server execution report markdown))

(cl-defmethod eglot-handle-notification (_server (_method (eql task/offered)) &rest _)
  "Work for others.")

(defun execution-coordinator--ended (server execution report markdown)
  "An EXECUTION of SERVER has ended with a REPORT, in words MARKDOWN."
  (execution-coordinator--refresh server execution)
  (when (and execution-coordinator-open-report (member (plist-get report :topic) execution-coordinator--started))
    (when (equal (plist-get report :finalStatus) "Complete")
      (setq execution-coordinator--started (delete (plist-get report :topic) execution-coordinator--started)))
    (execution-coordinator--display "*Execution Report*" markdown)))

(defun execution-coordinator--display (name text)
  "Show TEXT in a buffer NAME."
  (with-current-buffer (get-buffer-create name)
    (let ((inhibit-read-only t))
      (erase-buffer)
      (insert text)
      (goto-char (point-min)))
    (special-mode)
    (display-buffer (current-buffer))))

(defun execution-coordinator--ask (method params)
  "Ask this buffer's server METHOD with PARAMS; what it refuses is an error."
  (execution-coordinator--request
   (or (execution-coordinator--server) (user-error "Open a breakdown, and M-x eglot or M-x lsp in it")) method params))

(defun execution-coordinator--steer (method &rest params)
  "Ask METHOD of this buffer's execution, with PARAMS."
  (let ((board (or (execution-coordinator--board) (user-error "Nothing is being executed here"))))
    (execution-coordinator--ask method (append (list :execution (plist-get board :execution)) params))
    (execution-coordinator--refresh (execution-coordinator--server) (plist-get board :execution))))

(defun execution-coordinator--fitting (action)
  "The ids for which ACTION makes sense now."
  (let ((board (or (execution-coordinator--board) (user-error "Nothing is being executed here"))))
    (append
     (delq nil (mapcar (lambda (task)
                         (cond ((member action '("approve" "reject")) (plist-get task :waitsForApproval))
                               ((seq-contains-p (plist-get task :actions) action) (plist-get task :id))))
                       (plist-get board :tasks)))
     (delq nil (mapcar (lambda (gate) (and (seq-contains-p (plist-get gate :actions) action) (plist-get gate :id)))
                       (plist-get board :gates))))))

(defun execution-coordinator--read (action)
  "Ask which one ACTION is for."
  (let ((ids (execution-coordinator--fitting action)))
    (pcase ids
      ('nil (user-error "There is nothing to %s now" action))
      (`(,only) only)
      (_ (completing-read (format "%s: " (capitalize action)) ids nil t)))))

;;;###autoload
(defun execution-coordinator-run ()
  "Run the breakdown in this buffer, or go on with it."
  (interactive)
  (when (buffer-modified-p) (save-buffer))
  ;; Where the program's own trust is missing, it asks for that by itself.
  (let ((started (execution-coordinator--ask
                  :workspace/executeCommand
                  (list :command "execution-coordinator.run" :arguments (vector (execution-coordinator--uri))))))
    (when-let ((execution (plist-get started :execution)))
      (let ((board (execution-coordinator--ask :task/list (list :execution execution))))
        (cl-pushnew (plist-get board :topic) execution-coordinator--started :test #'equal)
        (execution-coordinator--refresh (execution-coordinator--server) execution)))))

(defun execution-coordinator-pause () "Order nothing new." (interactive) (execution-coordinator--steer :execution/pause))
(defun execution-coordinator-resume () "Go on." (interactive) (execution-coordinator--steer :execution/resume))
(defun execution-coordinator-cancel ()
  "Stop everything." (interactive)
  (when (yes-or-no-p "Cancel the execution? What is being done is stopped. ") (execution-coordinator--steer :execution/cancel)))
(defun execution-coordinator-retry (task)
  "Try TASK, or a gate, again." (interactive (list (execution-coordinator--read "retry")))
  (execution-coordinator--steer :task/retry :task task))
(defun execution-coordinator-answer (task text)
  "Answer what the agent of TASK has asked with TEXT."
  (interactive (let ((task (execution-coordinator--read "answer"))) (list task (read-string (format "Answer task %s: " task)))))
  (execution-coordinator--steer :task/answer :task task :by "editor" :text text))
(defun execution-coordinator-steer (task text)
  "Tell the agent at work on TASK what TEXT says."
  (interactive (let ((task (execution-coordinator--read "steer"))) (list task (read-string (format "Tell the agent of task %s: " task)))))
  (execution-coordinator--steer :task/steer :task task :by "editor" :text text))
(defun execution-coordinator-skip (task)
  "Treat TASK as if it were done." (interactive (list (execution-coordinator--read "skip")))
  (execution-coordinator--steer :task/skip :task task))
(defun execution-coordinator-approve (gate)
  "Pass GATE." (interactive (list (execution-coordinator--read "approve")))
  (execution-coordinator--steer :gate/approve :gate gate))
(defun execution-coordinator-reject (gate)
  "Refuse GATE." (interactive (list (execution-coordinator--read "reject")))
  (execution-coordinator--steer :gate/reject :gate gate))
(defun execution-coordinator-next ()
  "Go to the next task that needs you." (interactive)
  (let* ((board (or (execution-coordinator--board) (user-error "Nothing is being executed here")))
         (lines (execution-coordinator--lines
                 (execution-coordinator--ask :textDocument/documentSymbol (list :textDocument (list :uri (execution-coordinator--uri))))))
         (needs (lambda (task) (or (plist-get task :waitsForApproval) (member (plist-get task :look) '("failed" "blocked")))))
         (found (sort (delq nil (mapcar (lambda (task) (and (funcall needs task) (gethash (plist-get task :id) lines))) (plist-get board :tasks))) #'<))
         (here (1- (line-number-at-pos nil t)))
         (line (or (seq-find (lambda (line) (> line here)) found) (car found) (user-error "No task needs you"))))
    (goto-char (point-min))
    (forward-line line)))
(defun execution-coordinator-output (task)
  "Show what TASK printed." (interactive (list (execution-coordinator--read "output")))
  (let ((page (execution-coordinator--ask :task/output (list :execution (plist-get (execution-coordinator--board) :execution) :task task :limit 1048576))))
    (execution-coordinator--display
     (format "*Task %s*" task)
     (concat (plist-get page :text)
             (and (>= (plist-get page :next) 1048576) (format "\n(there is more: `execution-coordinator output %s`)" task))))))
(defun execution-coordinator-report ()
  "Show the return protocol." (interactive)
  (let ((board (or (execution-coordinator--board) (user-error "Nothing is being executed here"))))
    (execution-coordinator--display
     "*Execution Report*" (plist-get (execution-coordinator--ask :execution/report (list :execution (plist-get board :execution))) :markdown))))

;; lsp-mode has lenses of its own, which it refreshes.
(with-eval-after-load 'lsp-mode
  (let ((handlers (make-hash-table :test #'equal))
        (changed (lambda (server params) (execution-coordinator--refresh server (gethash "execution" params)))))
    (puthash "execution/progress" changed handlers)
    (puthash "execution/escalation" changed handlers)
    (puthash "task/offered" #'ignore handlers)
    (puthash "execution/result"
             (lambda (server params)
               (let ((result (execution-coordinator--plist params)))
                 (execution-coordinator--ended server (plist-get result :execution) (plist-get result :report) (plist-get result :markdown))))
             handlers)
    (add-to-list 'lsp-language-id-configuration '(markdown-mode . "markdown"))
    (lsp-register-client
     (make-lsp-client
      :new-connection (lsp-stdio-connection (lambda () execution-coordinator-command))
      :activation-fn (lsp-activate-on "markdown")
      :add-on? t
      :server-id 'execution-coordinator
      :notification-handlers handlers)))
  (add-hook 'lsp-after-open-hook #'execution-coordinator--managed))

(provide 'execution-coordinator)
;;; execution-coordinator.el ends here
