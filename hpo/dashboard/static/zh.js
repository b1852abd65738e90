// @ts-check
/** The page's words in Chinese. @type {Record<string, string>} */
export const ZH = {
  // where one is
  "All experiments": "全部实验", "Experiments": "实验", "Overview": "概览", "Source": "源码", "Trials": "试验", "Plots": "图表",
  "Compare": "比较", "Compare {}": "比较 {}", "Views": "视图", "Place": "位置", "Skip to the content": "跳到正文",
  "Loading…": "加载中…", "This cannot be shown": "无法显示", "The server does not answer.": "服务器没有响应。",
  "The server does not answer; what is shown may be old. `hpo web` starts it again.": "服务器没有响应，显示的内容可能已过时。运行 hpo web 可重新启动。",
  "This page opens by its link": "请通过链接打开此页", "Its session has ended. For a new link, run this where the experiments are:": "会话已结束。请在实验所在的机器上运行以下命令获取新链接：",
  // states
  "running": "运行中", "stopped": "已停止", "done": "已完成", "error": "出错", "interrupted": "已中断",
  "succeeded": "成功", "stopped early": "提前停止", "failed": "失败", "canceled": "已取消", "ended with the experiment": "随实验结束", "waiting": "等待中",
  "an exception": "异常", "a nonzero exit status": "非零退出码", "a signal": "被信号终止", "out of memory": "内存不足", "took too long": "超时",
  "no result": "没有结果", "a result that is no number": "结果不是数字", "its process was lost": "进程丢失",
  "baseline": "默认值", "tuner": "调参器", "user": "用户", "imported": "导入", "note": "提示", "warning": "警告",
  // lists
  "Name": "名称", "Status": "状态", "Best": "最佳", "Over the defaults": "相对默认值", "Tuner": "调参器", "Time": "时间", "Started": "开始时间",
  "Choose two or more": "请选择两个或更多", "No experiment yet": "还没有实验", "Mark a value in a script, and run it:": "在脚本中标注一个值，然后运行：",
  // overview
  "Results": "结果", "{} succeeded": "{} 个成功", "Best parameters": "最佳参数", "Running now": "正在运行", "Cut short": "中断的试验", "Its runner died. Resume goes on where it stood.": "运行进程已终止。继续即可从中断处接着运行。", "Failures that end it": "终止实验的失败数", "Top trials": "最佳试验", "Failures": "失败",
  "Search": "搜索", "Edit the space": "编辑搜索空间", "Events": "事件", "Configuration": "配置", "The runner's log": "运行日志", "Nothing yet.": "暂无内容。",
  "None.": "无。", "{} changes wait until it is resumed.": "{} 项更改将在继续运行后生效。", "Try values…": "尝试一组值…", "Try values": "尝试一组值",
  "Stop": "停止", "Resume": "继续", "It is told to stop.": "已通知停止。", "Stop the experiment?": "停止实验？",
  "Its running trials end now, and run again when it is resumed. Nothing recorded is lost.": "正在运行的试验会立即结束，继续时重新运行。已记录的内容不会丢失。",
  "It is being resumed…": "正在继续…", "It goes on, in the background.": "已在后台继续运行。",
  "higher is better": "越高越好", "lower is better": "越低越好", "no result of the defaults": "默认值没有结果", "from {}": "原为 {}",
  "Maximum trials": "最大试验数", "Maximum duration": "最长时间", "30s, 10m, 1h30m, 2d": "30s、10m、1h30m、2d", "At a time": "并行数", "Concurrency": "并行数", "{} running": "{} 个运行中",
  "Good enough": "达到即可", "never": "无", "Trials without a better result": "无改进的试验数", "the first 3": "最初 3 个",
  "A trial's time": "单个试验时间", "Without a report": "无报告的时间", "Its memory": "单个试验内存", "Retries of a failure": "失败重试次数",
  "in the order of their ends": "按结束顺序", "Results in the order in which they came, and the best so far": "按到达顺序的结果，以及当前最佳", "defaults": "默认值", "best so far": "当前最佳", "a trial": "一次试验",
  "No trial has succeeded yet.": "还没有成功的试验。", "Parameter": "参数", "Value": "值", "Own value": "原值", "was {}": "原为 {}", "own {}": "原值 {}",
  "no report yet": "尚无报告", "step {}": "第 {} 步", "trial {}": "试验 {}", "Trial {}": "试验 {}", "Trial": "试验",
  "Model": "模型", "It says": "说明", "Assessor": "评估器", "Direction": "方向", "maximize": "最大化", "minimize": "最小化", "Seed": "随机种子", "Fixed": "固定值", "Warm from": "热启动自", "Folder": "目录",
  "{} days {} h": "{} 天 {} 小时", "no limit": "不限", "Change: {}": "更改：{}", "{} is changed.": "{}已更改。", "{} changes when the experiment is resumed.": "{}将在实验继续后更改。", "Save": "保存",
  // dialogs
  "Cancel": "取消", "Close": "关闭", "Change": "更改", "Run next": "接下来运行", "Edit the search space": "编辑搜索空间", "Search space": "搜索空间",
  "NNI's search-space JSON. The tuner learns again from the trials that fit.": "NNI 的搜索空间 JSON。调参器会从符合新空间的试验中重新学习。", "This is no JSON: {}": "不是 JSON：{}",
  "The tuner learns again, in the new space.": "调参器将在新空间中重新学习。", "The new space holds when the experiment is resumed.": "新空间将在实验继续后生效。",
  "These values run next.": "这组值将接着运行。", "These values run when the experiment is resumed.": "这组值将在实验继续后运行。",
  "Keys": "快捷键", "Next and previous, in lists": "列表中的下一个和上一个", "Open": "打开", "Choose for a comparison": "选中以比较", "Filter": "筛选", "Light or dark": "浅色或深色", "These keys": "显示快捷键",
  // trials
  "State": "状态", "Duration": "用时", "Origin": "来源", "Attempt": "尝试次数", "Node": "节点", "Device": "设备", "Budget": "预算", "Rung": "梯级", "Parent": "父试验", "What happened": "发生了什么",
  "{} of {}": "{} / {}", "Columns…": "列…", "Columns": "列", "Filter: value>0.9 state=failed kernel=rbf": "筛选：value>0.9 state=failed kernel=rbf",
  "No trial fits the filter.": "没有符合条件的试验。", "No trial yet.": "还没有试验。", "Trials side by side": "并排比较试验",
  "Results on the way": "中间结果", "{} reports": "{} 次报告", "1 report": "1 次报告", "Parameters": "参数", "Output": "输出", "{} of run {}": "第 {} 次（第 {} 轮）", "… the beginning is left out": "…开头部分已省略", "The trial is told to end.": "已通知试验结束。",
  "The trial before": "上一个试验", "The next trial": "下一个试验", "best": "最佳", "End this trial?": "结束此试验？", "It counts as canceled. The experiment goes on.": "它将计为已取消，实验会继续。", "Kill": "终止",
  "Run again": "再次运行", "Try a changed copy…": "修改后再试…", "Code": "代码", "{} against the defaults": "相对默认值 {}", "rung {}": "梯级 {}", "after 1 pass": "训练 1 遍之后", "after {} passes": "训练 {} 遍之后", "It reported nothing on the way.": "没有中间报告。",
  // source
  "As the experiment froze it: this is what its trials run.": "这是实验开始时冻结的源码，试验运行的就是它。", "No source to show": "没有可显示的源码", "Files": "文件", "{} marks": "{} 处标注",
  "{}, as above": "{}，同上", "no result yet": "暂无结果", "importance {}": "重要性 {}", "{}: its plots": "{} 的图表", "constraint": "约束", "fidelity": "预算循环",
  "Written back": "写回源码", "the values of trial {}, as `hpo apply` writes them": "试验 {} 的值，与 hpo apply 写入的相同", "Copied.": "已复制。", "Copy the diff": "复制差异", "Copy the command": "复制命令",
  "The browser does not let the page copy here.": "浏览器不允许此页面复制。", "The diff": "差异", "The source has these values already.": "源码已是这些值。",
  // plots
  "History": "历史", "Importance": "重要性", "Slices": "切片", "Items": "列表元素", "Parallel coordinates": "平行坐标", "Contour": "等高线", "Rungs": "梯级", "Lineage": "谱系", "Distribution": "分布", "Timeline": "时间线",
  "There is nothing to draw before a trial has run.": "在有试验运行之前没有可绘制的内容。", "all": "全部", "the two that matter most": "最重要的两个",
  "Drag along an axis to mark a range; the axes are in the order of importance.": "沿坐标轴拖动可选取范围；坐标轴按重要性排列。", "{} of {} trials are in the marked ranges.": "选中范围内有 {} / {} 个试验。",
  "Show them in the table": "在表格中显示", "Clear": "清除", "inactive": "未启用", "inactive in the best": "最佳试验中未启用", "result": "结果",
  // figures
  "{0} after {1} passes": "{0}（{1} 轮之后）", "{} since the first trial": "自首个试验起的时间（{}）", "days": "天", "hours": "小时", "minutes": "分钟", "seconds": "秒",
  "another is better": "被其他试验支配", "misses a constraint": "不满足约束", "front": "前沿", "There is one objective: what is best is one trial.": "只有一个目标：最佳的是一个试验。",
  "Values against results": "取值与结果", "Items of lists": "列表中的元素", "orange: in the best fifth of the trials; grey: in all of them": "橙色：在最好的五分之一试验中；灰色：在全部试验中", "early trials are blue, late ones orange; ★ the best": "早期试验为蓝色，后期为橙色；★ 为最佳", "Intermediate results": "中间结果", "Distribution of results": "结果分布",
  "trial": "试验", "the script's own values": "脚本原有的值", "share": "占比", "share of trials": "试验占比", "passes": "轮数", "generation": "代", "step": "步",
  "moves the result (fANOVA)": "对结果的影响 (fANOVA)", "tells the best trials (PED-ANOVA)": "对最佳试验的区分 (PED-ANOVA)",
  "went no further": "未再继续", "went on": "已继续", "ran to the end": "完整运行", "goes on": "继续", "takes over, and changes": "接替并改变", "the best one's line": "最佳者的谱系",
  "Trials of one budget are compared: {} passes.": "比较同一预算的试验：{} 轮。",
  // several objectives
  "Front": "前沿", "Volume": "超体积", "of the box that the results span": "占结果所张成空间的比例", "On the front": "前沿上", "{} on the front": "前沿上 {} 个", "no other is better in all": "没有其他试验全面更优", "{0} against {1}, and the front": "{0} 与 {1} 及其前沿", "{} to the right": "向右为 {}", "{} upwards": "向上为 {}",
  // several
  "{} experiments side by side": "并排比较 {} 个实验", "Best so far": "当前最佳", "Search spaces": "搜索空间", "Nothing to compare": "没有可比较的内容", "Choose experiments in the list.": "请在列表中选择实验。",
};
