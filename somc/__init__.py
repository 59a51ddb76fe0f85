"""SOMC (营业厅综合服务管理): an open framework for running service halls."""

__version__ = "0.1.0"
